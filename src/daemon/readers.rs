//! How long other processes have had a transaction open in the mirror: one that stays keeps the log from going into the file.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;

/// Since when each process has been seen with a transaction open, by its number. One that ends its transaction and begins another between
/// two looks is taken to have stayed.
#[derive(Debug, Default)]
pub(super) struct Stays(BTreeMap<u32, Timestamp>);

impl Stays {
    /// Takes in who has a transaction open at `now`, and says for how long the oldest of them has had it; zero if nobody has.
    pub(super) fn longest(&mut self, pids: &[u32], now: Timestamp) -> Duration {
        self.0.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            self.0.entry(*pid).or_insert(now);
        }
        let stays = self.0.values().map(|since| now.since(*since));
        stays.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_is_told_from_who_comes_and_goes() {
        let at = |second: i64| Timestamp::from_millis(second * 1000).unwrap();
        let mut stays = Stays::default();
        assert_eq!(stays.longest(&[], at(0)).as_secs(), 0);
        assert_eq!(stays.longest(&[7], at(10)).as_secs(), 0);
        assert_eq!(stays.longest(&[7, 8], at(40)).as_secs(), 30);
        assert_eq!(stays.longest(&[8], at(60)).as_secs(), 20);
        assert_eq!(stays.longest(&[7, 8], at(70)).as_secs(), 30);
    }
}
