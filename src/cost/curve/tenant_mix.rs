//! The order in which tenants of several kinds are added.

/// The order in which tenants of several kinds are added. Every prefix of it keeps their proportion, and one more
/// tenant never replaces another.
#[must_use]
pub fn order(proportion: &[u32], count: usize) -> Vec<usize> {
    let mut given = vec![0_u64; proportion.len()];
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        // The kind that is furthest behind: the least of (2 x given + 1) / proportion, compared without dividing.
        let next = (0..proportion.len()).filter(|kind| proportion[*kind] > 0).min_by(|a, b| {
            let left = (given[*a] * 2 + 1) * u64::from(proportion[*b]);
            left.cmp(&((given[*b] * 2 + 1) * u64::from(proportion[*a])))
        });
        let Some(next) = next else { break };
        given[next] += 1;
        order.push(next);
    }
    order
}
