//! Compares two tables regardless of row order.

use aws_lc_rs::digest::{Context, SHA256};

use crate::Value;

/// The number of rows and the sum of their hashes. Two tables with the same rows have the same digest, regardless of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// The number of rows.
    pub rows: u64,
    sum: [u64; 4],
}

impl Digest {
    /// Adds one row.
    pub fn add(&mut self, row: &[Value]) {
        let mut context = Context::new(&SHA256);
        for value in row {
            feed(&mut context, value);
        }
        let hash = context.finish();
        for (lane, bytes) in self.sum.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
            let number = bytes.try_into().map_or(0, u64::from_be_bytes);
            *lane = lane.wrapping_add(number);
        }
        self.rows += 1;
    }

    /// Returns the sum in hexadecimal.
    pub fn sum(&self) -> String {
        self.sum.iter().map(|lane| format!("{lane:016x}")).collect()
    }
}

/// Encodes each value with its kind and length, so that different rows have different bytes.
fn feed(context: &mut Context, value: &Value) {
    let number;
    let (kind, bytes): (u8, &[u8]) = match value {
        Value::Null => (0, &[]),
        Value::Bool(value) => (1, if *value { &[1] } else { &[0] }),
        Value::Int(value) => {
            number = value.to_be_bytes();
            (2, &number)
        }
        Value::Text(value) => (3, value.as_bytes()),
        Value::Bytes(value) => (4, value),
        Value::Uuid(value) => (5, value.as_bytes()),
    };
    context.update(&[kind]);
    context.update(&(bytes.len() as u64).to_be_bytes());
    context.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_rows_does_not_matter_and_all_else_does() {
        let digest = |rows: &[&[Value]]| {
            let mut digest = Digest::default();
            rows.iter().for_each(|row| digest.add(row));
            digest
        };
        let (one, two) = ([Value::Int(1), Value::Null], [Value::Int(2), Value::Text("a".into())]);
        assert_eq!(digest(&[&one, &two]), digest(&[&two, &one]));
        assert_ne!(digest(&[&one, &two]), digest(&[&one]));
        assert_ne!(digest(&[&one, &one]), digest(&[&two, &two]));
        assert_ne!(
            digest(&[&[Value::Text("ab".into()), Value::Text("c".into())]]),
            digest(&[&[Value::Text("a".into()), Value::Text("bc".into())]])
        );
        assert_ne!(digest(&[&[Value::Int(0)]]), digest(&[&[Value::Null]]));
    }
}
