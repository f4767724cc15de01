//! The Go toolchain: whether it is there, and whether it is new enough.

use std::io;
use std::process::Command;

use camino::Utf8Path;

use crate::build::{BUILDS, Build, Linking};
use crate::{Architecture, Error};

/// The Go that builds everything. Its version is part of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// As `go env GOVERSION` prints it: `go1.26.8`.
    pub(crate) version: String,
    pub(crate) architecture: Architecture,
}

impl Toolchain {
    /// Asks `go` which version would build the module that needs the newest one.
    ///
    /// Go 1.21 and later may answer with a version that they would fetch, as GOTOOLCHAIN says.
    pub(crate) fn find() -> Result<Self, Error> {
        let architecture = Architecture::host()?;
        let newest = newest_needed();
        let folder = tempfile::tempdir().map_err(|source| Error::Cache {
            operation: "create a folder in",
            path: std::env::temp_dir().to_string_lossy().as_ref().into(),
            source,
        })?;
        let go_mod = folder.path().join("go.mod");
        let text = format!("module hardway.local/build/probe\n\ngo {}\n", newest.module.go_version());
        std::fs::write(&go_mod, text).map_err(|source| Error::Cache {
            operation: "write",
            path: go_mod.to_string_lossy().as_ref().into(),
            source,
        })?;
        let output = Command::new("go")
            .args(["env", "GOVERSION", "GOSUMDB"])
            .env("GOWORK", "off")
            .env_remove("GOFLAGS")
            .env_remove("GOSUMDB")
            .current_dir(folder.path())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::GoMissing { needed: newest.module.go_version().to_owned() });
            }
            Err(source) => return Err(Error::Start { program: "go", source }),
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        let (version, checksum_database) = printed.split_once('\n').unwrap_or((&printed, ""));
        check(newest, version.trim())?;
        if checksum_database.trim() == "off" {
            return Err(Error::ChecksumDatabaseOff);
        }
        Ok(Self { version: version.trim().to_owned(), architecture })
    }

    /// The `go` command for `build`, in `folder`.
    ///
    /// What the user has set up for their own builds does not reach it. The checksum database
    /// stays in force: [`Toolchain::find`] refuses a Go that is set up without it.
    pub(crate) fn command(&self, build: &Build, folder: &Utf8Path, temporary: &Utf8Path) -> tokio::process::Command {
        let cgo = match build.linking {
            Linking::PureGo => "0",
            Linking::StaticWithCgo => "1",
        };
        let mut command = tokio::process::Command::new("go");
        command
            .current_dir(folder)
            .env("CGO_ENABLED", cgo)
            .env("GO111MODULE", "on")
            .env("GOARCH", self.architecture.as_str())
            .env("GOFLAGS", "-mod=readonly")
            .env("GONOSUMDB", "none")
            .env("GOOS", "linux")
            .env("GOTMPDIR", temporary)
            .env("GOTOOLCHAIN", self.selector())
            .env("GOWORK", "off");
        for variable in [
            "GOSUMDB",
            "CGO_CFLAGS",
            "CGO_CPPFLAGS",
            "CGO_LDFLAGS",
            "GOAMD64",
            "GOARM64",
            "GODEBUG",
            "GOEXPERIMENT",
            "GOFIPS140",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// The value of GOTOOLCHAIN that makes every module use this very version. A version with a
    /// distribution's suffix cannot have been fetched, so it is the installed one.
    fn selector(&self) -> &str {
        let released = self.version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if released { &self.version } else { "local" }
    }
}

/// The build whose module asks for the newest Go.
fn newest_needed() -> &'static Build {
    BUILDS.iter().max_by_key(|build| numbers(build.module.go_version())).expect("the table is not empty")
}

fn check(build: &'static Build, printed: &str) -> Result<(), Error> {
    let needed = build.module.go_version();
    let found = printed
        .strip_prefix("go")
        .and_then(numbers)
        .ok_or_else(|| Error::GoVersionUnreadable { printed: printed.to_owned() })?;
    if Some(found) < numbers(needed) {
        return Err(Error::GoTooOld {
            component: build.component,
            found: printed.to_owned(),
            needed: needed.to_owned(),
        });
    }
    Ok(())
}

/// `1.26.8` as numbers; a suffix, and a third number that is missing, do not matter.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let number = |part: &str| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    };
    let mut parts = version.split('.');
    let major = number(parts.next()?)?;
    let minor = number(parts.next()?)?;
    let patch = parts.next().map_or(Some(0), number)?;
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_says_which_go_it_needs() {
        for build in BUILDS {
            let version = build.module.go_version();
            assert!(numbers(version).is_some(), "{}: {version}", build.name);
        }
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("1.9.2") < numbers("1.26"));
        assert!(numbers("1.26.8-X:nodwarf5") > numbers("1.26.6"));
        assert_eq!(numbers("1.26rc1"), Some((1, 26, 0)));
        assert_eq!(numbers("devel"), None);
    }

    #[test]
    fn a_go_that_is_too_old_is_told_with_what_is_needed() {
        let error = check(newest_needed(), "go1.19.8").unwrap_err().to_string();
        assert!(error.contains("go1.19.8 is installed"), "{error}");
        assert!(error.contains(&format!("{} or newer", newest_needed().module.go_version())), "{error}");
        assert!(check(newest_needed(), "go1.99.0").is_ok());
    }

    #[test]
    fn a_missing_go_is_told_with_what_to_install() {
        let error = Error::GoMissing { needed: "1.26.6".to_owned() };
        assert_eq!(
            error.to_string(),
            "Go is not installed (no `go` in PATH), and the components are built with it: \
             install Go 1.26.6 or newer from https://go.dev/dl/"
        );
    }

    #[test]
    fn output_that_is_no_version_is_shown() {
        assert!(matches!(check(newest_needed(), "devel +abc"), Err(Error::GoVersionUnreadable { .. })));
    }

    #[test]
    fn a_distributions_own_version_is_the_installed_one() {
        let toolchain = |version: &str| Toolchain { version: version.to_owned(), architecture: Architecture::AMD64 };
        assert_eq!(toolchain("go1.26.8").selector(), "go1.26.8");
        assert_eq!(toolchain("go1.26.8 X:boringcrypto").selector(), "local");
    }
}
