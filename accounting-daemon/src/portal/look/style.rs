//! The style of the pages, in the operator's colour.

use crate::config::Colour;

const STYLE: &str = include_str!("../assets/style.css");

/// The style with the operator's colour, and black or white upon it, whichever is read better.
pub(super) fn style(colour: Colour) -> String {
    let on = if luminance(colour) > 0.179 { "#000" } else { "#fff" };
    format!(":root{{--brand:{colour};--on-brand:{on}}}\n{STYLE}")
}

/// Relative luminance as WCAG 2.2 defines it; at 0.179 black and white contrast alike.
fn luminance(Colour(channels): Colour) -> f64 {
    let linear = channels.map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    let [red, green, blue] = linear;
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_the_operators_colour_can_be_read() {
        for channels in [
            [0, 0, 0],
            [255, 255, 255],
            [0x0b, 0x6e, 0x4f],
            [255, 220, 0],
            [119, 119, 119],
            [0, 0, 255],
        ] {
            let brand = luminance(Colour(channels));
            let on = if style(Colour(channels)).contains("--on-brand:#fff") {
                1.0
            } else {
                0.0
            };
            let (light, dark) = if brand > on { (brand, on) } else { (on, brand) };
            assert!((light + 0.05) / (dark + 0.05) >= 4.5, "{channels:?}");
        }
    }
}
