//! Gives machines of a lab other addresses.

use crate::support::LabWorkspace;

/// The address in the lab's network that no machine has: those of the lab end below 100.
pub(crate) fn elsewhere(lab: &LabWorkspace, machine: &str) -> String {
    let old = lab.address(machine);
    let (network, host) = old.rsplit_once('.').expect("an IPv4 address");
    let host: u8 = host.parse().expect("a number");
    format!("{network}.{}", host + 100)
}

/// Gives the machine another address, also after a restart, beside its own and before it: connections that it makes leave
/// from there. Says so in the spec.
pub(crate) fn move_to(lab: &LabWorkspace, machine: &str) {
    let (old, new) = (lab.address(machine), elsewhere(lab, machine));
    lab.ssh(
        machine,
        &format!(
            "sysctl -q -w net.ipv4.conf.host0.promote_secondaries=1 && ip address add {new}/24 dev host0 && \
             ip address del {old}/24 dev host0 && ip address add {old}/24 dev host0 && \
             ip route replace default via {} && sed -i 's/ {old}\\/24 / {new}\\/24 /' /usr/local/lib/lab-machine",
            gateway(&old)
        ),
    );
    lab.change_lines(&format!("address: {old},"), |line| line.replace(&old, &new));
    // The same host key at another address: nobody needs to be asked.
    let (code, said) = lab.refused(&["plan", "--no-diff"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(&format!("{machine} is at {new} now")), "{said}");
}

/// Takes the old address from the machine.
pub(crate) fn leave_old(lab: &LabWorkspace, machine: &str) {
    let old = lab.address(machine);
    lab.ssh(machine, &format!("ip address del {old}/24 dev host0 && ip route replace default via {}", gateway(&old)));
}

fn gateway(address: &str) -> String {
    format!("{}.1", address.rsplit_once('.').expect("an IPv4 address").0)
}
