//! The order in which stacks are deployed: waves of stacks that can be deployed side by side.

use std::collections::BTreeMap;

use super::desired::DesiredStack;

/// Groups stacks into waves: every stack comes after all that it depends on. Dependencies outside
/// `stacks` count as deployed.
///
/// Stacks of one wave can be deployed side by side. Within a wave they are sorted by name, so that
/// output is the same each time.
#[must_use]
pub fn waves(stacks: &[DesiredStack]) -> Vec<Vec<usize>> {
    let index: BTreeMap<&str, usize> = stacks.iter().enumerate().map(|(i, stack)| (stack.name.as_str(), i)).collect();
    let mut level = vec![0_usize; stacks.len()];
    // Dependencies are at most dns -> environment -> cell -> addon -> tenant deep, so a few rounds are enough. A cycle
    // would never end, so the rounds are limited to the number of stacks.
    for _ in 0..stacks.len() {
        let mut changed = false;
        for (i, stack) in stacks.iter().enumerate() {
            let after = stack
                .depends_on
                .iter()
                .filter_map(|name| index.get(name.as_str()))
                .map(|&other| level[other] + 1)
                .max()
                .unwrap_or(0);
            if after > level[i] {
                level[i] = after;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut waves: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, wave) in level.iter().enumerate() {
        waves.entry(*wave).or_default().push(i);
    }
    let mut waves: Vec<Vec<usize>> = waves.into_values().collect();
    for wave in &mut waves {
        wave.sort_by(|a, b| stacks[*a].name.cmp(&stacks[*b].name));
    }
    waves
}
