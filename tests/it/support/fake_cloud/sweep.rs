//! One command, run whole, then ended at each of its calls and run again.

use std::fmt::Debug;

use super::outcome::without_ids;
use super::{Cloud, State};

/// A command that is ended at every call.
pub struct Sweep<Make, Run, Outcome> {
    /// A fresh cloud.
    pub make: Make,
    /// The command, from its first call to its last.
    pub run: Run,
    /// What of its outcome is the same wherever it was ended.
    pub outcome: Outcome,
}

impl<Make, Run, Outcome, Same, Failure> Sweep<Make, Run, Outcome>
where
    Make: Fn() -> Cloud,
    Run: AsyncFn(&Cloud) -> Result<(), Failure>,
    Outcome: Fn(&Cloud) -> Same,
    Same: Debug + PartialEq,
    Failure: Debug,
{
    /// Ends the session at every call, which AWS has carried out or not, and runs the command again, at once and after all that was
    /// under way has ended. The outcome is that of a run that nobody ended. Gives the number of calls.
    pub async fn every_call(&self) -> usize {
        let cloud = (self.make)();
        Box::pin((self.run)(&cloud)).await.unwrap();
        let (all, wanted) = (cloud.calls(), (self.outcome)(&cloud));
        assert_eq!(cloud.state().wrong, [""; 0], "a whole run");
        assert!(all > 0, "it makes no call");
        // What the call before has left.
        let mut before = without_ids((self.make)().outcome());
        let mut begun = Begun::default();
        let mut call = 1;
        loop {
            cloud.turn_into((self.make)().state().clone());
            cloud.end_at(call);
            let first = Box::pin((self.run)(&cloud)).await;
            if !cloud.has_ended() {
                first.unwrap_or_else(|error| panic!("it was not ended: {error:?}"));
                break;
            }
            let when = format!("ended at call {call} with {first:?}");
            // So a command that begins here has begun in the turn before, or is a whole run.
            assert_eq!(
                without_ids(cloud.outcome()),
                before,
                "{when}: a call that never reached AWS leaves all as it was"
            );
            let lost = cloud.state().lost.take().unwrap();
            cloud.turn_into(*lost);
            assert_eq!(cloud.state().wrong, [""; 0], "{when}");
            before = without_ids(cloud.outcome());
            let left = cloud.state().clone();
            if begun.at_once.is_other(&left) {
                self.again(&cloud, &wanted, &format!("{when}, run again at once")).await;
            }
            cloud.turn_into(left);
            cloud.let_time_pass();
            let left = cloud.state().clone();
            if begun.later.is_other(&left) {
                self.again(&cloud, &wanted, &format!("{when}, run again later")).await;
            }
            call += 1;
        }
        assert_eq!(call, all + 1, "each of its calls was the last");
        all
    }

    /// Runs the command again.
    async fn again(&self, cloud: &Cloud, wanted: &Same, when: &str) {
        let again = Box::pin((self.run)(cloud)).await;
        let wrong = cloud.state().wrong.clone();
        assert_eq!(wrong, [""; 0], "{when}");
        again.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert_eq!((self.outcome)(cloud), *wanted, "{when}");
    }
}

/// What the last second runs began with: one that begins with the very same does the same again.
#[derive(Default)]
struct Begun {
    at_once: Last,
    later: Last,
}

#[derive(Default)]
struct Last(String);

impl Last {
    /// Whether all that is kept differs from the last; it is the last now.
    fn is_other(&mut self, state: &State) -> bool {
        let all = format!("{:?}", State { calls: 0, ends: None, lost: None, ..state.clone() });
        let is_other = self.0 != all;
        self.0 = all;
        is_other
    }
}
