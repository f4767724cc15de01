//! How this host reaches the Debian archive, so that other releases are reached the same way.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Error;
use crate::cache::failed;

/// The archive's keys, at the same place on every Debian and in Debian's package for others.
pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt settings that say how to reach a mirror, and nothing about packages.
const REACHING: [&str; 7] = [
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::Check-Date",
    "Acquire::Check-Valid-Until",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
];

/// One place from which the host takes Debian packages.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Archive {
    uri: String,
    /// What follows the code name: nothing, `-updates`, `-security`, `/updates`.
    pocket: String,
    components: Vec<String>,
}

/// deb822 sources of the release with this code name, from where the host takes its own packages;
/// `None` where the host has no Debian archive (Ubuntu, say).
///
/// # Errors
/// [`Error::Cache`] where apt's settings cannot be read.
pub fn debian_sources(codename: &str) -> Result<Option<String>, Error> {
    let mut archives = Vec::new();
    for (path, text) in source_files()? {
        let entries =
            if path.extension() == Some("sources") { deb822_archives(&text) } else { one_line_archives(&text) };
        for archive in entries {
            if !archives.contains(&archive) {
                archives.push(archive);
            }
        }
    }
    // Without the release itself its updates are worth nothing.
    if !archives.iter().any(|archive| archive.pocket.is_empty()) {
        return Ok(None);
    }
    Ok(Some(render(&archives, codename)))
}

/// deb822 sources of Debian's own mirrors, for hosts that take no packages from there.
pub(crate) fn default_sources(codename: &str) -> String {
    let archives =
        [("debian", ""), ("debian", "-updates"), ("debian-security", "-security")].map(|(name, pocket)| Archive {
            uri: format!("http://deb.debian.org/{name}"),
            pocket: pocket.to_owned(),
            components: vec!["main".to_owned()],
        });
    render(&archives, codename)
}

fn source_files() -> Result<Vec<(Utf8PathBuf, String)>, Error> {
    let mut paths = vec![Utf8PathBuf::from("/etc/apt/sources.list")];
    if let Ok(folder) = Utf8Path::new("/etc/apt/sources.list.d").read_dir_utf8() {
        let mut more: Vec<_> = folder.flatten().map(|entry| entry.into_path()).collect();
        more.sort();
        paths.extend(more);
    }
    paths
        .into_iter()
        .filter(|path| path.is_file() && path.extension().is_some_and(|ext| ext == "list" || ext == "sources"))
        .map(|path| {
            let text = fs::read_to_string(&path).map_err(|source| failed("read", &path, source))?;
            Ok((path, text))
        })
        .collect()
}

fn archive(uri: &str, suite: &str, components: &[&str]) -> Option<Archive> {
    let is_debian =
        uri.trim_end_matches('/').rsplit('/').next().is_some_and(|last| last == "debian" || last == "debian-security");
    let codename = ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing"]
        .into_iter()
        .find(|name| suite.starts_with(name))?;
    let pocket = &suite[codename.len()..];
    let known = ["", "-updates", "-security", "/updates"].contains(&pocket);
    (is_debian && known && components.contains(&"main")).then(|| Archive {
        uri: uri.to_owned(),
        pocket: pocket.to_owned(),
        components: components.iter().map(|&c| c.to_owned()).collect(),
    })
}

/// sources.list(5), one-line style: `deb [options] uri suite component…`.
fn one_line_archives(text: &str) -> Vec<Archive> {
    text.lines()
        .filter_map(|line| {
            let entry = line.split('#').next()?.trim().strip_prefix("deb ")?.trim_start();
            let entry = match entry.strip_prefix('[') {
                Some(rest) => rest.split_once(']')?.1,
                None => entry,
            };
            let mut words = entry.split_whitespace();
            let (uri, suite) = (words.next()?, words.next()?);
            archive(uri, suite, &words.collect::<Vec<_>>())
        })
        .collect()
}

/// sources.list(5), deb822 style: stanzas of `Field: words`.
fn deb822_archives(text: &str) -> Vec<Archive> {
    let mut archives = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| -> Vec<&str> {
            let mut inside = false;
            let mut words = Vec::new();
            for line in stanza.lines().filter(|line| !line.starts_with('#')) {
                if line.starts_with([' ', '\t']) {
                    if inside {
                        words.extend(line.split_whitespace());
                    }
                } else if let Some((key, value)) = line.split_once(':') {
                    inside = key.eq_ignore_ascii_case(name);
                    if inside {
                        words.extend(value.split_whitespace());
                    }
                }
            }
            words
        };
        if field("Enabled").first() == Some(&"no") || !field("Types").contains(&"deb") {
            continue;
        }
        let components = field("Components");
        for uri in field("URIs") {
            for suite in field("Suites") {
                archives.extend(archive(uri, suite, &components));
            }
        }
    }
    archives
}

fn render(archives: &[Archive], codename: &str) -> String {
    let mut text = String::new();
    for Archive { uri, pocket, components } in archives {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "Types: deb\nURIs: {uri}\nSuites: {codename}{pocket}\nComponents: {}\nSigned-By: {KEYRING}\n",
            components.join(" ")
        );
    }
    text
}

/// apt.conf lines with which this host reaches its mirrors: proxies, time-outs, clock checks.
///
/// # Errors
/// [`Error::Start`] and [`Error::Program`] where `apt-config` does not tell.
pub fn mirror_options() -> Result<String, Error> {
    const PROGRAM: &str = "apt-config";
    let output =
        Command::new(PROGRAM).arg("dump").output().map_err(|source| Error::Start { program: PROGRAM, source })?;
    if !output.status.success() {
        return Err(Error::Program {
            operation: "read apt's settings".to_owned(),
            program: PROGRAM,
            status: output.status,
            output: String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect(),
        });
    }
    let mut options = reaching(&String::from_utf8_lossy(&output.stdout));
    for (variable, key) in [("http_proxy", "Acquire::http::Proxy"), ("https_proxy", "Acquire::https::Proxy")] {
        // apt obeys these variables, and a machine does not have the operator's.
        if let Ok(proxy) = std::env::var(variable)
            && !proxy.is_empty()
            && !options.contains(&format!("{key} \""))
        {
            options.push_str(&format!("{key} \"{proxy}\";\n"));
        }
    }
    Ok(options)
}

fn reaching(dump: &str) -> String {
    dump.lines()
        .filter(|line| REACHING.iter().any(|prefix| line.starts_with(prefix)))
        .filter(|line| !line.ends_with(" \"\";"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_debian_archive_is_taken_over() {
        let archives = one_line_archives(
            "# comment\ndeb http://mirror.example/debian bookworm main contrib\n\
             deb-src http://mirror.example/debian bookworm main\n\
             deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian-security/ bookworm-security main # why\n\
             deb http://mirror.example/debian bookworm-backports main\n\
             deb https://packages.example/apt cloud-bookworm main\n\
             deb https://download.example/linux/debian bookworm stable\n",
        );
        let found: Vec<_> = archives.iter().map(|a| (a.uri.as_str(), a.pocket.as_str(), a.components.len())).collect();
        assert_eq!(
            found,
            [("http://mirror.example/debian", "", 2), ("http://mirror.example/debian-security/", "-security", 1),]
        );
    }

    #[test]
    fn a_machine_of_another_release_gets_its_own_suites() {
        let archives = deb822_archives(
            "Types: deb\n# comment\nURIs: http://mirror.example/debian\nSuites: bookworm\n bookworm-updates\n\
             Components: main\nSigned-By: /k.gpg\n\nTypes: deb\nEnabled: no\n\
             URIs: http://mirror.example/debian\nSuites: bookworm-security\nComponents: main\n",
        );
        let text = render(&archives, "trixie");
        assert!(text.contains("Suites: trixie\n"));
        assert!(text.contains("Suites: trixie-updates\n"));
        assert_eq!(text.matches("Types: deb").count(), 2);
    }

    #[test]
    fn options_that_do_not_say_how_to_reach_a_mirror_are_left_out() {
        assert_eq!(
            reaching(
                "APT::Install-Recommends \"1\";\nAcquire::http::Proxy \"http://proxy.example:3142\";\n\
                 Acquire::http::Proxy::mirror.example \"\";\nAcquire::IndexTargets::deb \"\";\n\
                 Acquire::Check-Valid-Until \"false\";\n"
            ),
            "Acquire::http::Proxy \"http://proxy.example:3142\";\nAcquire::Check-Valid-Until \"false\";\n"
        );
    }
}
