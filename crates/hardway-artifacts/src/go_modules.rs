//! The source that builds everything here from Go modules.
//!
//! Each component has a module of its own below `modules/`, whose `go.sum` pins every dependency
//! by digest. Both files are part of this program, so an installed hardway needs no checkout.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use hardway_spec::Trust;
use serde::Deserialize;

use crate::apt::{Apt, Sources};
use crate::build::{BUILDS, Build, Linking, Package};
use crate::cache::{Cache, Entry, Filling, Workroom, failed};
use crate::host::in_path;
use crate::image::recipe::{FORMAT, Part, RECIPES, Recipe};
use crate::image::{Assembly, Inputs};
use crate::key::Key;
use crate::process::{self, Line};
use crate::source::Obtained;
use crate::toolchain::Toolchain;
use crate::{
    ArtifactName, Binary, Catalog, Error, HostPackage, Image, Progress, Provenance, Report, Selection, Source,
    SourceKind, Step,
};

/// Builds with the Go that is in PATH, images with the host's apt and dpkg.
#[derive(Debug, Clone, Copy, Default)]
pub struct GoModules;

impl Source for GoModules {
    fn kind(&self) -> SourceKind {
        SourceKind::GoModules
    }

    fn missing_host_packages(&self, selection: &Selection, cache: &Cache) -> Result<Vec<HostPackage>, Error> {
        let plan = Plan::of(selection, Toolchain::find()?);
        let missing = plan.missing(cache)?;
        Ok(absent(&plan.needs(&missing)))
    }

    fn obtain<'a>(&'a self, selection: &'a Selection, cache: &'a Cache, report: Report<'a>) -> Obtained<'a> {
        Box::pin(async move {
            let plan = Plan::of(selection, Toolchain::find()?);
            if !plan.missing(cache)?.is_empty() {
                let filling = Arc::new(cache.fill(report).await?);
                // Whoever held the lock before may have made the same things.
                let missing = plan.missing(cache)?;
                let packages = absent(&plan.needs(&missing));
                if !packages.is_empty() {
                    return Err(Error::HostPackages { packages });
                }
                Work { plan: &plan, cache, filling, report }.make(&missing).await?;
            }
            plan.catalog(selection, cache, report)
        })
    }
}

/// What a selection comes to.
#[derive(Debug)]
struct Plan {
    toolchain: Toolchain,
    /// Packages by the outputs' names; those that only images need are among them.
    packages: Vec<(&'static Build, &'static Package)>,
    recipes: Vec<&'static Recipe>,
}

/// What the cache does not hold.
#[derive(Debug, Default)]
struct Missing {
    packages: Vec<(&'static Build, &'static Package)>,
    recipes: Vec<&'static Recipe>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.recipes.is_empty()
    }

    /// The builds with missing packages, and those packages.
    fn builds(&self) -> Vec<(&'static Build, Vec<&'static Package>)> {
        BUILDS
            .iter()
            .filter_map(|build| {
                let packages: Vec<_> =
                    self.packages.iter().filter(|(of, _)| of.name == build.name).map(|(_, package)| *package).collect();
                (!packages.is_empty()).then_some((build, packages))
            })
            .collect()
    }
}

/// Tools of the host that something needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Compiler,
    Seccomp,
    DebianPackages,
}

impl Plan {
    fn of(selection: &Selection, toolchain: Toolchain) -> Self {
        let recipes: Vec<_> =
            RECIPES.iter().filter(|recipe| selection.contains(ArtifactName::Image(recipe.name))).collect();
        let in_images: BTreeSet<_> = recipes.iter().flat_map(|recipe| outputs(recipe)).collect();
        let packages = all_packages()
            .filter(|(_, package)| {
                in_images.contains(package.output)
                    || package.installed_as.iter().any(|name| selection.contains(ArtifactName::Binary(name)))
            })
            .collect();
        Self { toolchain, packages, recipes }
    }

    /// What has to be made. A binary that is only needed inside of an image which is there
    /// already has to be there too: it is cheap to keep and says what the image holds.
    fn missing(&self, cache: &Cache) -> Result<Missing, Error> {
        let mut missing = Missing::default();
        for (build, package) in &self.packages {
            if cache.get(&self.binary_key(build, package))?.is_none() {
                missing.packages.push((build, package));
            }
        }
        for recipe in &self.recipes {
            if cache.get(&self.image_key(recipe))?.is_none() {
                missing.recipes.push(recipe);
            }
        }
        Ok(missing)
    }

    fn needs(&self, missing: &Missing) -> BTreeSet<Need> {
        let mut needs = BTreeSet::new();
        for (build, _) in &missing.packages {
            if build.linking == Linking::StaticWithCgo {
                needs.extend([Need::Compiler, Need::Seccomp]);
            }
        }
        for part in missing.recipes.iter().flat_map(|recipe| recipe.parts) {
            match part {
                Part::CProgram { .. } => {
                    needs.insert(Need::Compiler);
                }
                Part::Debian { .. } => {
                    needs.insert(Need::DebianPackages);
                }
                Part::Binary { .. }
                | Part::ModuleFolder { .. }
                | Part::Directory { .. }
                | Part::Writable { .. }
                | Part::Applets { .. } => {}
            }
        }
        needs
    }

    fn binary_key(&self, build: &Build, package: &Package) -> Key {
        Key::of("go binary")
            .field("go", &self.toolchain.version)
            .field("architecture", self.toolchain.architecture.as_str())
            .field("go.mod", build.module.go_mod)
            .field("go.sum", build.module.go_sum)
            .field("package", package.path)
            .field("tags", build.tags.join(","))
            .field("linking", format!("{:?}", build.linking))
            .field("ldflags", build.ldflags())
            .finish()
    }

    fn image_key(&self, recipe: &Recipe) -> Key {
        let mut key = Key::of("image")
            .field("format", FORMAT)
            .field("architecture", self.toolchain.architecture.as_str())
            .field("reference", recipe.reference())
            .field("parts", format!("{:?}", recipe.parts))
            .field("entrypoint", format!("{:?}", recipe.entrypoint))
            .field("command", format!("{:?}", recipe.command))
            .field("environment", format!("{:?}", recipe.environment))
            .field("user", recipe.user);
        for output in outputs(recipe) {
            let (build, package) = find_output(output);
            key = key.field("binary", self.binary_key(build, package).as_str());
        }
        for module in modules(recipe) {
            let build = find_module(module);
            key = key.field("go.mod", build.module.go_mod).field("go.sum", build.module.go_sum);
        }
        key.finish()
    }

    fn catalog(&self, selection: &Selection, cache: &Cache, report: Report<'_>) -> Result<Catalog, Error> {
        let mut catalog = Catalog::default();
        for artifact in selection.iter() {
            match artifact {
                ArtifactName::Binary(name) => {
                    let (build, package) = all_packages()
                        .find(|(_, package)| package.installed_as.contains(&name))
                        .ok_or(Error::NotInSource { artifact })?;
                    let entry = held(cache, &self.binary_key(build, package), artifact)?;
                    catalog.binaries.insert(
                        name.to_owned(),
                        Binary {
                            name: name.to_owned(),
                            component: build.component.to_owned(),
                            version: build.version.to_owned(),
                            path: entry.path,
                            sha256: entry.sha256,
                            size: entry.size,
                            architecture: self.toolchain.architecture.as_str().to_owned(),
                            provenance: binary_provenance(build, package),
                        },
                    );
                }
                ArtifactName::Image(name) => {
                    let recipe =
                        RECIPES.iter().find(|recipe| recipe.name == name).ok_or(Error::NotInSource { artifact })?;
                    let entry = held(cache, &self.image_key(recipe), artifact)?;
                    catalog.images.insert(
                        name.to_owned(),
                        Image {
                            name: name.to_owned(),
                            reference: recipe.reference(),
                            version: recipe.tag(),
                            path: entry.path,
                            sha256: entry.sha256,
                            size: entry.size,
                            manifest_digest: entry.manifest_digest.ok_or(Error::CutOff { artifact })?,
                            architecture: self.toolchain.architecture.as_str().to_owned(),
                            provenance: image_provenance(recipe),
                        },
                    );
                }
            }
            report(Progress::Held { artifact });
        }
        Ok(catalog)
    }
}

/// Makes what is missing, with the cache's lock held.
struct Work<'a> {
    plan: &'a Plan,
    cache: &'a Cache,
    filling: Arc<Filling>,
    report: Report<'a>,
}

impl Work<'_> {
    async fn make(&self, missing: &Missing) -> Result<(), Error> {
        let room = self.filling.workroom()?;
        let builds = missing.builds();
        let of = builds.len() + missing.recipes.len();
        (self.report)(Progress::Planned {
            steps: of,
            usual: builds
                .iter()
                .map(|(build, _)| build.usual())
                .chain(missing.recipes.iter().map(|recipe| recipe.usual()))
                .sum(),
        });
        // All downloads come first, so that a network that fails does so before the long work.
        for (build, packages) in &builds {
            self.download(build, packages, &room).await?;
        }
        let mut index = 0;
        for (build, packages) in builds {
            index += 1;
            let step = Step::Build { component: build.name, version: build.version };
            self.step(step, (index, of), build.usual(), self.build(build, &packages, &room)).await?;
        }
        let apt = if self.plan.needs(missing).contains(&Need::DebianPackages) {
            Some(Apt::update(room.path().join("apt"), &Sources::Host, self.report).await?)
        } else {
            None
        };
        for recipe in &missing.recipes {
            index += 1;
            let step = Step::Assemble { image: recipe.name };
            let work = self.assemble(recipe, apt.as_ref(), &room);
            self.step(step, (index, of), recipe.usual(), work).await?;
        }
        Ok(())
    }

    async fn step(
        &self,
        step: Step,
        (index, of): (usize, usize),
        usual: std::time::Duration,
        work: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        (self.report)(Progress::Started { step, index, of, usual });
        let start = Instant::now();
        work.await?;
        (self.report)(Progress::Finished { step, elapsed: start.elapsed() });
        Ok(())
    }

    /// The folder with a build's own module.
    fn module_folder(&self, build: &Build, room: &Workroom) -> Result<Utf8PathBuf, Error> {
        let folder = room.path().join("modules").join(build.module.name);
        fs::create_dir_all(&folder).map_err(|source| failed("create", &folder, source))?;
        for (name, text) in [("go.mod", build.module.go_mod), ("go.sum", build.module.go_sum)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| failed("write", &path, source))?;
        }
        Ok(folder)
    }

    /// Lists the packages' dependencies, which downloads the modules that hold them, and no
    /// others.
    async fn download(&self, build: &Build, packages: &[&Package], room: &Workroom) -> Result<(), Error> {
        let folder = self.module_folder(build, room)?;
        let mut command = self.plan.toolchain.command(build, &folder, room.path());
        command
            .args(["list", "-deps", "-tags", &build.tags.join(",")])
            .args(packages.iter().map(|package| package.path));
        let operation = format!("download the modules of {} {}", build.name, build.version);
        process::run("go", &operation, &mut command, |line| self.read_line(line)).await?;
        Ok(())
    }

    async fn build(&self, build: &'static Build, packages: &[&'static Package], room: &Workroom) -> Result<(), Error> {
        let folder = self.module_folder(build, room)?;
        let outputs = room.path().join("outputs").join(build.name);
        fs::create_dir_all(&outputs).map_err(|source| failed("create", &outputs, source))?;
        let mut command = self.plan.toolchain.command(build, &folder, room.path());
        command
            .args(["build", "-v", "-trimpath", "-buildvcs=false"])
            .args(["-tags", &build.tags.join(",")])
            .args(["-ldflags", &build.ldflags()]);
        if build.linking == Linking::StaticWithCgo {
            command.arg("-buildmode=pie");
        }
        // The slash makes it a folder for one package too.
        command.args(["-o", &format!("{outputs}/")]).args(packages.iter().map(|package| package.path));
        let operation = format!("build {} {}", build.name, build.version);
        process::run("go", &operation, &mut command, |line| self.read_line(line)).await?;
        for package in packages {
            let key = self.plan.binary_key(build, package);
            let output = outputs.join(package.output);
            let file = outputs.join(package.installed_as[0]);
            fs::rename(&output, &file).map_err(|source| failed("rename", &output, source))?;
            self.put(key, file, 0o755, None).await?;
        }
        Ok(())
    }

    async fn assemble(&self, recipe: &'static Recipe, apt: Option<&Apt>, room: &Workroom) -> Result<(), Error> {
        let mut inputs = Inputs::default();
        for output in outputs(recipe) {
            let (build, package) = find_output(output);
            let artifact = ArtifactName::Binary(package.output);
            let entry = held(self.cache, &self.plan.binary_key(build, package), artifact)?;
            inputs.binaries.insert(output, entry.path);
        }
        for module in modules(recipe) {
            let folder = self.unpacked(module, room).await?;
            inputs.modules.insert(module, folder);
        }
        for part in recipe.parts {
            if let (Part::Debian { packages, .. }, Some(apt)) = (part, apt) {
                let what = format!("the image {}", recipe.name);
                inputs.packages = apt.download(recipe.name, &what, packages, self.report).await?;
            }
        }
        let folder = room.path().join("images").join(recipe.name);
        fs::create_dir_all(&folder).map_err(|source| failed("create", &folder, source))?;
        let assembly = Assembly { recipe, architecture: self.plan.toolchain.architecture.as_str(), inputs, folder };
        let artifact = ArtifactName::Image(recipe.name);
        let (file, digest) =
            tokio::task::spawn_blocking(move || assembly.run()).await.map_err(|_| Error::CutOff { artifact })??;
        let key = self.plan.image_key(recipe);
        self.put(key, file, 0o644, Some(digest)).await
    }

    /// The folder in which Go has unpacked a module.
    async fn unpacked(&self, module: &'static str, room: &Workroom) -> Result<Utf8PathBuf, Error> {
        #[derive(Deserialize)]
        struct Description {
            #[serde(rename = "Dir")]
            folder: Utf8PathBuf,
        }
        let build = find_module(module);
        let folder = self.module_folder(build, room)?;
        let mut command = self.plan.toolchain.command(build, &folder, room.path());
        command.args(["mod", "download", "-json", module]);
        let operation = format!("download the module {module}");
        let text = process::run("go", &operation, &mut command, |line| self.read_line(line)).await?;
        let description: Description =
            serde_json::from_str(&text).map_err(|source| Error::ModuleDescription { module, source })?;
        Ok(description.folder)
    }

    async fn put(&self, key: Key, file: Utf8PathBuf, mode: u32, manifest_digest: Option<String>) -> Result<(), Error> {
        let filling = Arc::clone(&self.filling);
        let path = file.clone();
        tokio::task::spawn_blocking(move || filling.put(&key, &file, mode, manifest_digest))
            .await
            .map_err(|source| failed("store", &path, source.into()))??;
        Ok(())
    }

    /// Reads what `go` says while it works: `go: downloading MODULE VERSION`, and with `-v` the
    /// bare import path of each package that it compiles.
    fn read_line(&self, line: &str) -> Line {
        if let Some(what) = line.strip_prefix("go: downloading ") {
            (self.report)(Progress::Downloading { what: what.to_owned() });
            return Line::Progress;
        }
        if !line.is_empty() && !line.contains(char::is_whitespace) {
            (self.report)(Progress::Compiling { package: line.to_owned() });
            return Line::Progress;
        }
        Line::Message
    }
}

/// Each dependency's digest is in the `go.sum` that hardway carries.
fn binary_provenance(build: &Build, package: &Package) -> Provenance {
    let origin = format!("{}@v{}", package.path, build.version);
    Provenance { source: SourceKind::GoModules, origin, trust: Trust::Shipped }
}

/// What an image is assembled from. Debian's packages are vouched for by the archive's signature, which apt checks.
fn image_provenance(recipe: &Recipe) -> Provenance {
    let mut trust = Trust::Shipped;
    let mut origins = Vec::new();
    for part in recipe.parts {
        match part {
            Part::Binary { output, .. } => {
                let (build, package) = find_output(output);
                origins.push(format!("{}@v{}", package.path, build.version));
            }
            Part::CProgram { module, source, .. } => {
                origins.push(format!("{module}/{source}@v{}", find_module(module).version));
            }
            Part::Debian { packages, .. } => {
                trust = Trust::Signature;
                origins.push(format!("Debian's {}", packages.join(", ")));
            }
            Part::ModuleFolder { .. } | Part::Directory { .. } | Part::Writable { .. } | Part::Applets { .. } => {}
        }
    }
    Provenance { source: SourceKind::GoModules, origin: origins.join("; "), trust }
}

fn all_packages() -> impl Iterator<Item = (&'static Build, &'static Package)> {
    BUILDS.iter().flat_map(|build| build.packages.iter().map(move |package| (build, package)))
}

fn outputs(recipe: &Recipe) -> impl Iterator<Item = &'static str> + use<> {
    recipe.parts.iter().filter_map(|part| match part {
        Part::Binary { output, .. } => Some(*output),
        _ => None,
    })
}

fn modules(recipe: &Recipe) -> BTreeSet<&'static str> {
    recipe
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::CProgram { module, .. } | Part::ModuleFolder { module, .. } => Some(*module),
            _ => None,
        })
        .collect()
}

fn find_output(output: &str) -> (&'static Build, &'static Package) {
    all_packages()
        .find(|(_, package)| package.output == output)
        .expect("the unit tests look up the outputs of every recipe")
}

/// The build whose own module requires `module`.
fn find_module(module: &str) -> &'static Build {
    BUILDS
        .iter()
        .find(|build| build.packages.iter().any(|package| package.path.starts_with(module)))
        .expect("the unit tests look up the modules of every recipe")
}

fn held(cache: &Cache, key: &Key, artifact: ArtifactName) -> Result<Entry, Error> {
    cache.get(key)?.ok_or(Error::CutOff { artifact })
}

/// The packages that would provide what is needed and is not there.
fn absent(needs: &BTreeSet<Need>) -> Vec<HostPackage> {
    let mut absent = Vec::new();
    let mut require = |present: bool, name, why| {
        if !present {
            absent.push(HostPackage { name, why });
        }
    };
    for need in needs {
        match need {
            Need::Compiler => {
                require(in_path("gcc"), "gcc", "it compiles runc and pause");
                require(archive_is_known("libc.a"), "libc6-dev", "runc and pause are linked statically");
            }
            Need::Seccomp => {
                require(in_path("pkg-config"), "pkg-config", "runc's build finds libseccomp with it");
                require(archive_is_known("libseccomp.a"), "libseccomp-dev", "runc filters system calls with it");
            }
            Need::DebianPackages => {
                require(in_path("apt-get"), "apt", "images take tools from its packages");
                require(in_path("dpkg-deb"), "dpkg", "images take tools from its packages");
            }
        }
    }
    absent
}

/// Whether the C compiler finds a library's archive: it prints a path if so, else the bare name.
fn archive_is_known(name: &str) -> bool {
    Command::new("gcc").arg(format!("-print-file-name={name}")).output().is_ok_and(|output| {
        let printed = String::from_utf8_lossy(&output.stdout);
        Utf8Path::new(printed.trim()).is_absolute()
    })
}

#[cfg(test)]
mod tests {
    use hardway_spec::versions;

    use super::*;
    use crate::Architecture;

    fn plan(version: &str) -> Plan {
        let toolchain = Toolchain { version: version.to_owned(), architecture: Architecture::host().unwrap() };
        Plan::of(&Selection::benchmark(), toolchain)
    }

    fn binary_key(plan: &Plan, output: &str) -> Key {
        let (build, package) = find_output(output);
        plan.binary_key(build, package)
    }

    #[test]
    fn every_recipe_finds_its_binaries_and_modules() {
        for recipe in RECIPES {
            for output in outputs(recipe) {
                find_output(output);
            }
            for module in modules(recipe) {
                find_module(module);
            }
        }
    }

    #[test]
    fn every_module_requires_the_version_of_the_table() {
        for build in BUILDS {
            let row = versions::TABLE.iter().find(|row| row.component == build.component);
            assert_eq!(row.unwrap().version, build.version, "{}", build.name);
            // Calico has no tags that Go accepts; its module is pinned by commit.
            if build.component != "calico" {
                let required = format!(" v{}\n", build.version);
                assert!(
                    build.module.go_mod.contains(&required),
                    "modules/{}/go.mod does not require{required}",
                    build.module.name
                );
            }
        }
    }

    #[test]
    fn another_go_is_another_binary_and_another_image() {
        let one = plan("go1.26.8");
        let other = plan("go1.26.9");
        assert_eq!(binary_key(&one, "kubelet"), binary_key(&plan("go1.26.8"), "kubelet"));
        assert_ne!(binary_key(&one, "kubelet"), binary_key(&other, "kubelet"));
        assert_ne!(binary_key(&one, "kubelet"), binary_key(&one, "kubectl"));
        let coredns = RECIPES.iter().find(|recipe| recipe.name == "coredns").unwrap();
        assert_ne!(one.image_key(coredns), other.image_key(coredns));
    }

    #[test]
    fn an_image_brings_the_binaries_that_go_into_it() {
        let toolchain = plan("go1.26.8").toolchain;
        let selection = Selection::named(["image/coredns"]).unwrap();
        let plan = Plan::of(&selection, toolchain);
        let outputs: Vec<_> = plan.packages.iter().map(|(_, package)| package.output).collect();
        assert_eq!(outputs, ["coredns"]);
    }

    #[test]
    fn only_runc_and_pause_need_a_c_compiler() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Utf8PathBuf::try_from(folder.path().to_path_buf()).unwrap());
        let needs = |name| {
            let selection = Selection::named([name]).unwrap();
            let plan = Plan::of(&selection, plan("go1.26.8").toolchain);
            plan.needs(&plan.missing(&cache).unwrap()).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(needs("runc"), [Need::Compiler, Need::Seccomp]);
        assert_eq!(needs("image/pause"), [Need::Compiler]);
        assert_eq!(needs("image/dnsutils"), [Need::DebianPackages]);
        assert_eq!(needs("kubelet"), []);
    }

    #[test]
    fn missing_packages_are_named_with_the_command_that_installs_them() {
        let error = Error::HostPackages {
            packages: vec![
                HostPackage { name: "gcc", why: "it compiles runc and pause" },
                HostPackage { name: "libseccomp-dev", why: "runc filters system calls with it" },
            ],
        };
        assert_eq!(
            error.to_string(),
            "packages are missing on this machine: gcc (it compiles runc and pause); \
             libseccomp-dev (runc filters system calls with it); \
             install them with: apt-get install -y gcc libseccomp-dev"
        );
    }

    #[test]
    fn versions_are_linked_in_as_upstream_prints_them() {
        let flags = |name: &str| {
            let build = BUILDS.iter().find(|build| build.name == name).unwrap();
            build.ldflags()
        };
        let kubernetes = flags("kubernetes");
        let version = versions::KUBERNETES;
        let expected = format!("-X k8s.io/component-base/version.gitVersion=v{version}");
        assert!(kubernetes.contains(&expected), "{kubernetes}");
        assert!(kubernetes.contains("version.gitMajor=1 "), "{kubernetes}");
        assert_eq!(flags("coredns"), "-s -w");
        assert!(flags("runc").contains("-static-pie"));
    }
}
