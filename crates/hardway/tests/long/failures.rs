//! What the loss of a machine costs those who use the cluster, and that it comes back by itself.

mod clients;
mod etcd;
mod fault;
mod inside;
mod outside;
mod record;
mod scene;
mod table;
mod whole;

use jiff::Timestamp;

use crate::support::LabWorkspace;
use clients::Clients;
use fault::{Fault, Struck};
use record::now;
use table::{Row, Table};
use whole::Whole;

/// Two of each that may be lost, and three members of etcd.
const LAB: [&str; 8] = ["lab", "up", "--control-planes", "3", "--workers", "2", "--load-balancers", "2"];

#[test]
fn every_client_recovers_and_no_acknowledged_write_is_lost() {
    let lab = LabWorkspace::new("hardway-failures");
    lab.ok(&LAB);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let clients = Clients::start(&runtime, &lab);
    let whole = Whole::new(&runtime, &lab);
    whole.wait(&[], Timestamp::now());

    let mut table = Table::default();
    for fault in Fault::ALL {
        clients.wait_until_served(now());
        let (began, struck) = (now(), Timestamp::now());
        let Struck { title, restarted, away } = fault.strike(&lab);
        // Whoever is away stays away until nobody misses it any more.
        if !away.is_empty() {
            clients.wait_until_served(began);
        }
        let returned = if away.is_empty() { began } else { now() };
        away.iter().for_each(|machine| _ = lab.ok(&["lab", "start", machine]));
        whole.wait(&restarted, struck);
        let whole_after = now() - returned;
        clients.wait_until_served(now());
        let row = Row { title, costs: clients.costs(began, now()), whole_after };
        eprintln!("{row}");
        table.rows.push(row);
        clients.assert_no_acknowledged_write_is_lost();
        lab.eventually(&["verify"]);
    }
    println!("{table}");
    lab.nothing_is_left_to_do();
}
