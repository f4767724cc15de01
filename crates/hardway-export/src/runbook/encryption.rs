//! The key that secrets are encrypted with.

use super::Source;
use super::page::Page;
use crate::files::ENCRYPTION_CONFIG;

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let file = source.workspace.iter().find(|file| file.path == ENCRYPTION_CONFIG);
    let Some(text) = file.and_then(|file| std::str::from_utf8(file.content.bytes()).ok()) else { return };
    let template = text.replace(source.inputs.encryption_key.as_base64(), "${ENCRYPTION_KEY}");

    page.chapter("The encryption key");
    page.paragraph(
        "etcd stores what the API server gives it. Secrets are encrypted before that with a key that etcd never sees, so \
         that neither its disk nor its backups betray them. New ones are written under `key1`; the provider `identity` \
         still reads what was stored unencrypted. Every control plane has the same file. Keep a copy where it cannot \
         be lost: without the key, the secrets are lost too.",
    );
    page.shell(&format!(
        "ENCRYPTION_KEY=$(head -c 32 /dev/urandom | base64)\ncat >{ENCRYPTION_CONFIG} <<EOF\n{}\nEOF\nchmod 600 {ENCRYPTION_CONFIG}",
        template.trim_end()
    ));
}
