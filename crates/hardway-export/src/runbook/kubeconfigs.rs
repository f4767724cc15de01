//! Kubeconfigs by kubectl, read back from the files themselves.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Source;
use super::page::{Page, code};
use super::shell::long;
use crate::ExportedFile;

/// What the commands for one kubeconfig need.
struct Kubeconfig<'a> {
    path: &'a str,
    cluster: String,
    server: String,
    authority: &'a str,
    user: String,
    /// Without `.pem`.
    certificate: &'a str,
    context: String,
}

pub(super) fn write(source: &Source<'_>, page: &mut Page) {
    let by_content: BTreeMap<String, &str> =
        source.workspace.iter().map(|file| (STANDARD.encode(file.content.bytes()), file.path.as_str())).collect();
    let kubeconfigs: Vec<Kubeconfig<'_>> = source.workspace.iter().filter_map(|file| read(file, &by_content)).collect();

    page.chapter("Kubeconfigs");
    page.paragraph(
        "A kubeconfig tells a client where the API is, how to know it, and who the client is. Certificates are embedded, \
         so that each is one file. Components of a control plane call the API server beside them, and nodes the balancer \
         beside them, so that both go on while a load balancer is away; people call the endpoint's name.",
    );
    let rows: Vec<[String; 4]> = kubeconfigs
        .iter()
        .map(|kubeconfig| {
            [code(kubeconfig.path), code(&kubeconfig.user), code(&kubeconfig.server), code(kubeconfig.certificate)]
        })
        .collect();
    page.table(["file", "user", "server", "certificate"], &rows);
    let commands: Vec<String> = kubeconfigs.iter().map(commands).collect();
    page.shell(&commands.join("\n"));
    page.shell("chmod 600 configs/*/*.kubeconfig");
}

fn read<'a>(file: &'a ExportedFile, by_content: &BTreeMap<String, &'a str>) -> Option<Kubeconfig<'a>> {
    if !file.path.ends_with(".kubeconfig") {
        return None;
    }
    let text = std::str::from_utf8(file.content.bytes()).ok()?;
    let config: Value = serde_saphyr::from_str(text).ok()?;
    let field = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let embedded = |pointer: &str| by_content.get(field(pointer)?).copied();
    Some(Kubeconfig {
        path: &file.path,
        cluster: field("/clusters/0/name")?.to_owned(),
        server: field("/clusters/0/cluster/server")?.to_owned(),
        authority: embedded("/clusters/0/cluster/certificate-authority-data")?,
        user: field("/users/0/name")?.to_owned(),
        certificate: embedded("/users/0/user/client-certificate-data")?.trim_end_matches(".pem"),
        context: field("/current-context")?.to_owned(),
    })
}

fn commands(kubeconfig: &Kubeconfig<'_>) -> String {
    let Kubeconfig { path, cluster, server, authority, user, certificate, context } = kubeconfig;
    let file = format!("--kubeconfig={path}");
    let mut commands = long(
        &format!("kubectl config set-cluster {cluster}"),
        &[
            format!("--certificate-authority={authority}"),
            "--embed-certs=true".to_owned(),
            format!("--server={server}"),
            file.clone(),
        ],
    );
    commands += &long(
        &format!("kubectl config set-credentials {user}"),
        &[
            format!("--client-certificate={certificate}.pem"),
            format!("--client-key={certificate}-key.pem"),
            "--embed-certs=true".to_owned(),
            file.clone(),
        ],
    );
    commands += &long(
        &format!("kubectl config set-context {context}"),
        &[format!("--cluster={cluster}"), format!("--user={user}"), file.clone()],
    );
    commands += &format!("kubectl config use-context {context} {file}\n");
    commands
}
