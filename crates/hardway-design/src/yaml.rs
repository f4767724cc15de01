//! Configuration files in YAML.

use serde::Serialize;

/// Renders a configuration struct, one key a line.
pub(crate) fn render(value: &impl Serialize) -> String {
    // A folded scalar would break a certificate's single line in two; a text of several lines stands as it is.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options)
        .expect("a configuration struct has string keys and finite numbers only")
}
