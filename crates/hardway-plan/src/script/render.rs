//! A stage's steps to one script.

use std::fmt::Write as _;

use hardway_design::{Condition, File, Image};

use crate::inventory::{Entry, INVENTORY};
use crate::planner::archive_path;
use crate::script::{Script, ScriptFile};
use crate::{Action, Step};

/// Shell functions that steps call.
const PRELUDE: &str = include_str!("prelude.sh");

/// Renders steps of one stage, numbered as the caller has them: a stage that also copies blobs is sent in parts.
///
/// Steps that do not run on a machine as a script (blobs, cluster objects) must not be among them.
pub fn render(steps: &[(usize, &Step)]) -> Script {
    let mut script = Script { text: PRELUDE.to_owned(), files: Vec::new() };
    for (number, step) in steps {
        let body = Body { number: *number, files: &mut script.files }.of(&step.action);
        write_function(
            &mut script.text,
            &format!("# {}: {}", step.title, step.reason),
            &format!("step_{number}"),
            &body,
        );
    }
    script.text.push('\n');
    for (number, _) in steps {
        let _ = writeln!(script.text, "perform {number}");
    }
    script
}

fn write_function(text: &mut String, comment: &str, name: &str, body: &str) {
    let _ = writeln!(text, "\n{}\n{name}() {{", comment.replace('\n', " "));
    for line in body.trim_end().lines() {
        let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "    " });
    }
    text.push_str("}\n");
}

/// Takes away what Debian's packages leave when they are purged, though it came with them or with their running.
fn left_by(package: &str) -> &'static str {
    match package {
        "haproxy" => "\nrm -rf /run/haproxy /run/haproxy.pid /run/haproxy-master.sock /var/lib/haproxy",
        "nginx" => {
            "\nrm -f /var/www/html/index.nginx-debian.html\n\
             if [ -d /var/www/html ]; then rmdir -p --ignore-fail-on-non-empty /var/www/html; fi"
        }
        _ => "",
    }
}

/// Quotes a word for POSIX sh.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Puts multi-line shell text from a design inside a function of its own, so that its `set -e` and variables are its own.
fn nested(name: &str, text: &str) -> String {
    format!("{name}() {{\n{}\n}}\n", text.trim_end())
}

struct Body<'a> {
    number: usize,
    files: &'a mut Vec<ScriptFile>,
}

impl Body<'_> {
    fn of(mut self, action: &Action) -> String {
        match action {
            Action::InstallPackages { names, archive: None } => format!("apt_install {}", words(names)),
            Action::InstallPackages { names, archive: Some(archive) } => {
                format!("apt_install_from {} {}", quote(archive), words(names))
            }
            Action::CreateUser(user) => format!(
                "# A run that lost its connection may have come this far.\n\
                 if ! getent passwd {name} >/dev/null; then\n    \
                 useradd --system --user-group --no-create-home --home-dir {home} --shell /usr/sbin/nologin {name}\nfi",
                name = quote(&user.name),
                home = quote(&user.home),
            ),
            Action::MakeDirectory(directory) => {
                let path = quote(&directory.path);
                // A service's own folder has nothing in it but the service's own.
                let deep = if directory.owner.starts_with("root:") { "" } else { "-R " };
                format!(
                    "mkdir -p {path}\nchown {deep}{} {path}\nchmod {:o} {path}",
                    quote(&directory.owner),
                    directory.mode
                )
            }
            Action::WriteFile { file, keep_original } => self.write_file(file, *keep_original),
            Action::WriteInventory(inventory) => {
                let name = self.file(inventory.text().into_bytes());
                format!("put {name} {INVENTORY} 600 root:root")
            }
            Action::SetAttributes { path, mode, owner } => {
                let path = quote(path);
                format!("chown {} {path}\nchmod {mode:o} {path}", quote(owner))
            }
            Action::RemoveFile(path) => format!("rm -f {}", quote(path)),
            Action::MakeLink(link) => format!("place_link {} {}", quote(&link.target), quote(&link.path)),
            Action::ImportImage(image) => import(image),
            Action::WriteHosts(hosts) => {
                let name = self.file((hosts.lines.join("\n") + "\n").into_bytes());
                format!(
                    "without_hosts {name} >hosts\n\
                     {{ echo '{HOSTS_BEGIN}'; cat {name}; echo '{HOSTS_END}'; }} >>hosts\n\
                     {PUT_HOSTS}"
                )
            }
            Action::LoadModule(name) => format!("modprobe {}", quote(name)),
            Action::SetSysctl { key, value } => format!("sysctl -q -w {}", quote(&format!("{key}={value}"))),
            Action::DisableSwap => "swapoff -a".to_owned(),
            Action::ReloadSystemd => "systemctl daemon-reload".to_owned(),
            Action::EnableUnit(unit) => {
                let unit = quote(unit);
                // systemd reads all unit files again once, in a step of its own. What is masked is a link to nothing.
                format!(
                    "if [ -L /etc/systemd/system/{unit} ]; then systemctl -q --no-reload unmask {unit}; fi\n\
                     if [ -L /run/systemd/system/{unit} ]; then systemctl -q --no-reload --runtime unmask {unit}; fi\n\
                     systemctl -q --no-reload enable {unit}"
                )
            }
            // A package may have started the unit already, with its own configuration.
            Action::StartUnit { unit, reads, ready } | Action::RestartUnit { unit, reads, ready } => {
                unit_action("restart", unit, reads, ready.as_ref())
            }
            Action::ReloadUnit { unit, reads, ready } => unit_action("reload", unit, reads, ready.as_ref()),
            Action::RunTask(task) => task.run.clone(),
            Action::ChangeEtcd(change) => change.script(),
            Action::WaitOnMachine(condition) => {
                format!("{}wait_until {} condition", nested("condition", &condition.check), seconds(condition))
            }
            Action::RemovePackages(names) => remove_packages(names),
            Action::Remove(entry) => remove(entry),
            Action::RemoveHardway => {
                // The list goes last: without it, nobody would know what there is still to remove.
                format!(
                    "systemctl daemon-reload\nsystemctl reset-failed\nrm -rf /opt/hardway\n\
                     find \"$state\" -mindepth 1 -maxdepth 1 ! -path {INVENTORY} -exec rm -rf {{}} +\nrm -rf \"$state\""
                )
            }
            Action::CopyBinary(_)
            | Action::CopyImage(_)
            | Action::CopyPackages(_)
            | Action::ApplyObject(_)
            | Action::DeleteObject(_)
            | Action::WaitInCluster(_)
            | Action::Cordon { .. }
            | Action::Uncordon(_)
            | Action::Drain(_) => unreachable!("the caller splits stages at steps that are not scripts"),
        }
    }

    /// Adds a file beside the script and names it there.
    fn file(&mut self, content: Vec<u8>) -> String {
        let name = format!("file-{}", self.number);
        self.files.push(ScriptFile { name: name.clone(), content });
        name
    }

    fn write_file(&mut self, file: &File, keep_original: bool) -> String {
        let name = self.file(file.content.bytes().to_vec());
        let path = quote(&file.path);
        let keep = if keep_original { format!("keep {path}\n") } else { String::new() };
        format!("{keep}put {name} {path} {:o} {}", file.mode, quote(&file.owner))
    }
}

const HOSTS_BEGIN: &str = "# hardway begin";
const HOSTS_END: &str = "# hardway end";
const PUT_HOSTS: &str = "put hosts /etc/hosts \"$(stat -c %a /etc/hosts)\" \"$(stat -c %U:%G /etc/hosts)\"";

fn words(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" ")
}

fn seconds(condition: &Condition) -> u64 {
    condition.timeout.as_secs()
}

fn unit_action(verb: &str, unit: &str, reads: &[String], ready: Option<&Condition>) -> String {
    let action = format!("unit_action {verb} {} {}", quote(unit), words(reads));
    let action = action.trim_end();
    match ready {
        None => action.to_owned(),
        Some(condition) => format!(
            "{}{action}\nready {} {} condition",
            nested("condition", &condition.check),
            quote(unit),
            seconds(condition)
        ),
    }
}

fn import(image: &Image) -> String {
    let archive = quote(&archive_path(image));
    let (reference, digest) = (quote(&image.reference), &image.manifest_digest);
    format!(
        "# Imported by the client itself, which takes half the time of the transfer service, and says what it unpacks:\n\
         # REFERENCE (DIGEST). Without its archive it was imported before a connection was lost.\n\
         said=\n\
         if [ -e {archive} ]; then\n    said=$(ctr -n k8s.io images import --local {archive})\nfi\n\
         case $said in\n\
         \x20   *\"({digest})\"*) ;;\n\
         \x20   *)\n\
         \x20       digest=$(ctr -n k8s.io images list name=={reference} | awk 'NR == 2 {{ print $3 }}')\n\
         \x20       if [ \"$digest\" != {} ]; then\n\
         \x20           echo \"containerd has {reference} as $digest\"\n\
         \x20           exit 1\n\
         \x20       fi\n\
         \x20       ;;\n\
         esac\n\
         rm -f {archive}",
        quote(digest)
    )
}

fn remove_packages(names: &[String]) -> String {
    let left = names.iter().map(|name| left_by(name)).collect::<String>();
    format!("remove_packages {}{left}", words(names))
}

fn remove(entry: &Entry) -> String {
    match entry {
        Entry::Package { name } => remove_packages(std::slice::from_ref(name)),
        Entry::User { name } => {
            format!("if getent passwd {name} >/dev/null; then userdel {name}; fi", name = quote(name))
        }
        Entry::Directory { path } => format!("rm -rf --one-file-system {}", quote(path)),
        Entry::File { path, original: true, .. } => format!("put_back {}", quote(path)),
        Entry::File { path, .. } | Entry::Link { path, .. } => format!("discard {}", quote(path)),
        Entry::Binary { link, store } => {
            let folder = store.rsplit_once('/').map_or(store.as_str(), |(folder, _)| folder);
            format!("discard {}\nrm -rf {}", quote(link), quote(folder))
        }
        Entry::Image { reference } => format!(
            "if command -v ctr >/dev/null && systemctl -q is-active containerd.service; then\n    \
             ctr -n k8s.io images remove {} >/dev/null\nfi",
            quote(reference)
        ),
        Entry::Hosts => format!("without_hosts >hosts\n{PUT_HOSTS}"),
        Entry::Module { name } => format!("# Others may have begun to use it.\nmodprobe -r -q {} || true", quote(name)),
        Entry::Sysctl { key, previous: Some(value) } => {
            format!("sysctl -q -w {} || true", quote(&format!("{key}={value}")))
        }
        Entry::Sysctl { previous: None, .. } => ":".to_owned(),
        Entry::Swap { devices } => devices
            .iter()
            .map(|device| quote(device))
            .map(|device| format!("if [ -e {device} ]; then swapon {device}; fi\n"))
            .collect(),
        Entry::Unit { name } => {
            let name = quote(name);
            format!(
                "# One that is masked cannot be disabled, and need not be.\n\
                 if systemctl cat {name} >/dev/null 2>&1; then\n    systemctl -q stop {name}\n    \
                 case $(systemctl is-enabled {name} 2>/dev/null) in\n        masked*) ;;\n        \
                 *) systemctl -q disable {name} ;;\n    esac\nfi\n\
                 rm -f \"$state/started/{name}\" \"$state/reloaded/{name}\""
            )
        }
        Entry::Remains { clean, .. } => clean.clone(),
    }
}
