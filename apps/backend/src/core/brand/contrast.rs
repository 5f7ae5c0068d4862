//! The contrast of two colors (WCAG 2.2, "contrast ratio" and "relative luminance").

use crate::settings::Color;

/// The contrast of two colors, from 1 to 21, in either order.
pub fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(color: Color) -> f64 {
    let [red, green, blue] = color.parts().map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// The linear value of a color component, from 0 to 1 (IEC 61966-2-1).
pub(super) fn linear(part: u8) -> f64 {
    let part = f64::from(part) / 255.0;
    if part <= 0.04045 {
        part / 12.92
    } else {
        ((part + 0.055) / 1.055).powf(2.4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_what_the_guidelines_say() {
        let grey = Color::rgb(0x76, 0x76, 0x76);
        assert!((contrast(Color::BLACK, Color::WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast(Color::WHITE, grey) - 4.54).abs() < 0.01);
        assert!((contrast(grey, grey) - 1.0).abs() < 1e-9);
    }
}
