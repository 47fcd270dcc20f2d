//! Decimal constants, written as they are read: `dec!(0.25)`.

use rust_decimal::Decimal;

/// A decimal from digits, at most one point, and underscores; for constants, because
/// `Decimal::from_str` cannot be called there.
pub(crate) const fn literal(text: &str) -> Decimal {
    let bytes = text.as_bytes();
    let negative = matches!(bytes, [b'-', ..]);
    let (mut digits, mut scale, mut fraction, mut index) = (0_u64, 0, false, if negative { 1 } else { 0 });
    while index < bytes.len() {
        match bytes[index] {
            b'.' => fraction = true,
            b'_' => {}
            digit => {
                digits = digits * 10 + (digit - b'0') as u64;
                if fraction {
                    scale += 1;
                }
            }
        }
        index += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    Decimal::from_parts(digits as u32, (digits >> 32) as u32, 0, negative, scale)
}

/// A decimal constant.
macro_rules! dec {
    ($number:literal) => {
        const { $crate::cost::decimal::literal(stringify!($number)) }
    };
}

pub(crate) use dec;

#[cfg(test)]
mod tests {
    #[test]
    fn a_constant_is_what_it_reads_as() {
        for (constant, text) in [(dec!(0.25), "0.25"), (dec!(-1), "-1"), (dec!(10_240), "10240"), (dec!(1.10), "1.10")]
        {
            assert_eq!(constant.to_string(), text);
        }
    }
}
