//! What a lab tells.

use hardway_lab::Event;

use crate::size::seconds;

/// The event as one line.
pub fn lab_line(event: &Event) -> String {
    match event {
        Event::InstallingHostPackages { packages } => {
            format!("installing from the distribution, since this machine lacks them: {}", packages.join(", "))
        }
        Event::HostPackagesInstalled => "installed".to_owned(),
        Event::BuildingBase { base, extra_packages } => {
            let extra =
                if extra_packages.is_empty() { String::new() } else { format!(" with {}", extra_packages.join(", ")) };
            format!("making the base image {}{extra} (once; about half a minute)", base.name())
        }
        Event::BaseBuilt { base, took, .. } => format!("made {} in {}", base.name(), seconds(*took)),
        Event::CreatingMachine { machine, address } => format!("{machine}: created, {address}"),
        Event::StartingMachine { machine } => format!("{machine}: booting"),
        Event::MachineReady { machine, address, took } => {
            format!("{machine}: up at {address} after {}", seconds(*took))
        }
        Event::StoppingMachine { machine } => format!("{machine}: stopping"),
        Event::MachineStopped { machine, took } => format!("{machine}: off after {}", seconds(*took)),
        Event::Warning { message } => format!("warning: {message}"),
    }
}
