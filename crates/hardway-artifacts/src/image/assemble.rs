//! From a recipe and its inputs to an archive.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::Command;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::recipe::{Part, Recipe};
use super::tree::{Content, Node, Tree};
use super::{archive, debian};
use crate::Error;
use crate::cache::failed;

/// What the parts of a recipe refer to.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// Binaries by their output's name.
    pub(crate) binaries: BTreeMap<&'static str, Utf8PathBuf>,
    /// Folders of unpacked modules by their path.
    pub(crate) modules: BTreeMap<&'static str, Utf8PathBuf>,
    /// The distribution's package archives.
    pub(crate) packages: Vec<Utf8PathBuf>,
}

/// One image to be made in a folder.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) recipe: &'static Recipe,
    /// In the OCI's words.
    pub(crate) architecture: &'static str,
    pub(crate) inputs: Inputs,
    pub(crate) folder: Utf8PathBuf,
}

impl Assembly {
    /// Makes the archive and returns its path and the manifest's digest. Blocks.
    pub(crate) fn run(&self) -> Result<(Utf8PathBuf, String), Error> {
        let mut tree = Tree::default();
        for part in self.recipe.parts {
            self.add(*part, &mut tree)?;
        }
        let file = self.folder.join(format!("{}.tar", self.recipe.name));
        let scratch = self.folder.join("layer.tar");
        let digest = archive::write(self.recipe, self.architecture, &tree.finish(), &scratch, &file)
            .map_err(|source| failed("write", &file, source))?;
        Ok((file, digest))
    }

    fn add(&self, part: Part, tree: &mut Tree) -> Result<(), Error> {
        match part {
            Part::Binary { output, at, capability } => {
                let path = self.inputs.binaries[output].clone();
                tree.insert(at.into(), Node::File { content: Content::Path(path), mode: 0o755, owner: 0, capability });
            }
            Part::CProgram { module, source, definition, at } => {
                let source = self.inputs.modules[module].join(source);
                let output = self.folder.join("program");
                compile(&source, definition, &output)?;
                tree.insert(at.into(), Node::file(Content::Path(output), true));
            }
            Part::Debian { packages, keep } => {
                let all = debian::unpack(&self.inputs.packages)?;
                debian::pick(&all, keep, self.recipe.name, packages, tree)?;
            }
            Part::ModuleFolder { module, folder, at, runnable } => {
                let from = self.inputs.modules[module].join(folder);
                copy_folder(&from, Utf8Path::new(at), runnable, tree)
                    .map_err(|source| failed("read", &from, source))?;
            }
            Part::Directory { at } => tree.insert(at.into(), Node::Directory),
            Part::Writable { at, owner } => tree.insert(
                at.into(),
                Node::File { content: Content::Bytes(Arc::from([])), mode: 0o644, owner, capability: None },
            ),
            Part::Applets { folder, program, applets } => {
                for applet in applets {
                    let path = Utf8Path::new(folder).join(applet);
                    // The real program, where there is one, is better than the applet.
                    if tree.get(&path).is_none() {
                        let target = Utf8PathBuf::from(program);
                        tree.insert(&path, Node::Symlink { target });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Compiles as Kubernetes' `build/pause/Makefile` does.
fn compile(source: &Utf8Path, version: &str, output: &Utf8Path) -> Result<(), Error> {
    let result = Command::new("gcc")
        .args(["-Os", "-Wall", "-Werror", "-static", "-s"])
        .arg(format!("-DVERSION=v{version}"))
        .args(["-o", output.as_str(), source.as_str()])
        .output()
        .map_err(|source| Error::Start { program: "gcc", source })?;
    if result.status.success() {
        return Ok(());
    }
    Err(Error::Program {
        operation: format!("compile {source}"),
        program: "gcc",
        status: result.status,
        output: String::from_utf8_lossy(&result.stderr).lines().map(str::to_owned).collect(),
    })
}

fn copy_folder(from: &Utf8Path, at: &Utf8Path, runnable: &[&str], tree: &mut Tree) -> io::Result<()> {
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(entry.path(), &path, runnable, tree)?;
        } else {
            let bytes = fs::read(entry.path())?;
            let runnable = runnable.contains(&entry.file_name());
            tree.insert(&path, Node::file(Content::Bytes(Arc::from(bytes)), runnable));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_folder_gets_its_run_bits_back() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        fs::create_dir_all(root.join("service/felix")).unwrap();
        fs::write(root.join("service/felix/run"), "#!/bin/sh").unwrap();
        fs::write(root.join("nsswitch.conf"), "hosts: files").unwrap();
        let mut tree = Tree::default();
        copy_folder(root, "etc".into(), &["run"], &mut tree).unwrap();
        let mode = |path: &str| match tree.get(path.into()) {
            Some(Node::File { mode, .. }) => *mode,
            other => panic!("{path} is {other:?}"),
        };
        assert_eq!(mode("etc/service/felix/run"), 0o755);
        assert_eq!(mode("etc/nsswitch.conf"), 0o644);
    }

    #[test]
    fn an_applet_does_not_replace_a_real_program() {
        let assembly = Assembly {
            recipe: &super::super::recipe::RECIPES[0],
            architecture: "amd64",
            inputs: Inputs::default(),
            folder: "/nonexistent".into(),
        };
        let mut tree = Tree::default();
        let real = Content::Bytes(Arc::from(*b"real"));
        tree.insert("usr/bin/ip".into(), Node::file(real, true));
        let applets = Part::Applets { folder: "usr/bin", program: "busybox", applets: &["ip", "sh"] };
        assembly.add(applets, &mut tree).unwrap();
        assert!(matches!(tree.get("usr/bin/ip".into()), Some(Node::File { .. })));
        assert!(matches!(tree.get("usr/bin/sh".into()), Some(Node::Symlink { .. })));
    }
}
