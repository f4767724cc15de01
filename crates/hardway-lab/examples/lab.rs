//! Tries the lab by hand: `lab up DIR NAME…`, `lab status|down|leftovers DIR`,
//! `lab stop|kill|start|restart DIR NAME`.

use std::error::Error;
use std::path::Path;

use hardway_lab::{Base, Event, Lab, LabConfig, install_host_packages, missing_host_packages};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let on_event = |event: Event| eprintln!("{event:?}");
    let lab = |dir: &str| Lab::open(Path::new(dir))?.ok_or("no lab there").map_err(Box::<dyn Error>::from);
    match args.as_slice() {
        ["up", dir, names @ ..] => {
            install_host_packages(&missing_host_packages(), &on_event)?;
            let base = match std::env::var("LAB_BASE").as_deref() {
                Ok("debian-13") => Base::Debian13,
                _ => Base::Debian12,
            };
            let config = LabConfig {
                base,
                machines: names.iter().map(|&name| name.to_owned()).collect(),
                ..LabConfig::default()
            };
            let lab = Lab::up(Path::new(dir), &config, &on_event)?;
            for machine in lab.machines()? {
                println!("{} {}", machine.name, machine.address);
            }
            println!(
                "ssh -i {} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@ADDRESS",
                lab.identity_file().display()
            );
        }
        ["status", dir] => {
            for status in lab(dir)?.status()? {
                println!("{status:?}");
            }
        }
        ["down", dir] => Lab::down(Path::new(dir), &on_event)?,
        ["leftovers", dir] => {
            for line in Lab::leftovers(Path::new(dir))? {
                println!("{line}");
            }
        }
        ["stop", dir, name] => lab(dir)?.stop(name, &on_event)?,
        ["kill", dir, name] => lab(dir)?.kill(name)?,
        ["start", dir, name] => lab(dir)?.start(name, &on_event)?,
        ["restart", dir, name] => lab(dir)?.restart(name, &on_event)?,
        _ => return Err("see the head of this file".into()),
    }
    Ok(())
}
