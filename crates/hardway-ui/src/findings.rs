//! What a plan would do and that hurts, as a person reads it.

use hardway_plan::Finding;

use crate::style::{BOLD, CHANGE, paint};

/// Each finding with its machines, what it hurts, what to do, and the name that it is accepted by.
pub fn findings_text(findings: &[Finding]) -> String {
    let lines = findings.iter().flat_map(|finding| {
        let machines: Vec<String> = finding.machines.iter().map(ToString::to_string).collect();
        [
            format!("{} {}: {}", paint(CHANGE, "refused:"), paint(BOLD, machines.join(", ")), finding.harm),
            format!("  help: {}", finding.way_out()),
        ]
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_its_machines_and_how_to_accept_it() {
        let finding = Finding {
            rule: "encryption-key",
            machines: vec!["cp1".into(), "cp2".into()],
            harm: "the key is another".to_owned(),
            help: "keep it".to_owned(),
        };
        let text = anstream::adapter::strip_str(&findings_text(&[finding])).to_string();
        assert_eq!(
            text,
            "refused: cp1, cp2: the key is another\n  help: keep it; where it is meant: hardway apply --accept \
             encryption-key"
        );
    }
}
