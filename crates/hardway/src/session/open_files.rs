//! Room for a connection to each machine: every one is a file of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{CommandError, Message};

/// Beside the connections: pipes of `ssh -G` for as many machines as are connected to at once, their sockets to the
/// agent, artifacts that are copied, the journal, the API.
const OTHERS: u64 = 512;

/// Raises the limit on open files, which is 1024 by default (getrlimit(2), systemd.exec(5)), to what the machines take.
/// Files beyond 1024 break programs that use select(2), so that nothing is raised without need.
pub fn make_room(machines: usize) -> Result<(), CommandError> {
    let limit = getrlimit(Resource::Nofile);
    match room(machines as u64, &limit) {
        Room::Enough => Ok(()),
        Room::Raise(wanted) => setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit })
            .map_err(|error| CommandError::failed(std::io::Error::from(error))),
        Room::TooLittle { wanted, hard } => {
            let message = format!("{machines} machines take {wanted} open files, and this process may have {hard}");
            let help = format!("raise the hard limit: `ulimit -Hn {wanted}` as root, or LimitNOFILE= in a unit");
            Err(CommandError::input(Message(message)).with_help(help))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Room {
    Enough,
    Raise(u64),
    TooLittle { wanted: u64, hard: u64 },
}

/// `None` in a limit: unlimited.
fn room(machines: u64, limit: &Rlimit) -> Room {
    let wanted = machines + OTHERS;
    match (limit.current, limit.maximum) {
        (None, _) => Room::Enough,
        (Some(soft), _) if wanted <= soft => Room::Enough,
        (_, Some(hard)) if hard < wanted => Room::TooLittle { wanted, hard },
        _ => Room::Raise(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(machines: u64, soft: u64, hard: Option<u64>) -> Room {
        room(machines, &Rlimit { current: Some(soft), maximum: hard })
    }

    #[test]
    fn a_small_cluster_needs_no_other_limit() {
        assert_eq!(at(100, 1024, Some(1024)), Room::Enough);
        assert_eq!(room(10_000, &Rlimit { current: None, maximum: None }), Room::Enough);
    }

    #[test]
    fn a_large_fleet_raises_the_soft_limit_as_far_as_it_needs() {
        assert_eq!(at(1000, 1024, Some(524_288)), Room::Raise(1000 + OTHERS));
        assert_eq!(at(1000, 1024, None), Room::Raise(1000 + OTHERS));
    }

    #[test]
    fn where_the_hard_limit_stands_in_the_way_it_is_said() {
        assert_eq!(at(1000, 1024, Some(1024)), Room::TooLittle { wanted: 1000 + OTHERS, hard: 1024 });
    }
}
