//! Sizes and times as people read them.

use std::time::Duration;

/// `1.4 GB`, `87 MB`, `512 B`: decimal units.
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if count >= unit {
            let tenths = count * 10 / unit;
            return if tenths >= 100 {
                format!("{} {name}", tenths / 10)
            } else {
                format!("{}.{} {name}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{count} B")
}

/// `0.3 s`, `12.0 s`, `4 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        return format!("{} min {:02} s", seconds / 60, seconds % 60);
    }
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_at_most_three_digits() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(8_250), "8.2 kB");
        assert_eq!(bytes(87_400_000), "87 MB");
        assert_eq!(bytes(1_430_000_000), "1.4 GB");
    }

    #[test]
    fn times_above_a_minute_drop_the_tenths() {
        assert_eq!(seconds(Duration::from_millis(340)), "0.3 s");
        assert_eq!(seconds(Duration::from_secs(245)), "4 min 05 s");
    }
}
