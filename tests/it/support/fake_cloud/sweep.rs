//! One command, run whole, then ended at each of its calls and run again.

use std::fmt::Debug;

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
        let mut before = (self.make)().outcome();
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
            assert_eq!(cloud.outcome(), before, "{when}: a call that never reached AWS leaves all as it was");
            let lost = cloud.state().lost.take().unwrap();
            self.again(&cloud, *lost.clone(), false, &wanted, &format!("{when}, run again at once")).await;
            before = self.again(&cloud, *lost, true, &wanted, &format!("{when}, run again later")).await;
            call += 1;
        }
        assert_eq!(call, all + 1, "each of its calls was the last");
        all
    }

    /// Runs the command again; what it began with.
    async fn again(&self, cloud: &Cloud, left: State, later: bool, wanted: &Same, when: &str) -> Vec<String> {
        cloud.turn_into(left);
        let left = cloud.outcome();
        assert_eq!(cloud.state().wrong, [""; 0], "{when}, before that");
        if later {
            cloud.let_time_pass();
        }
        let again = Box::pin((self.run)(cloud)).await;
        let wrong = cloud.state().wrong.clone();
        assert_eq!(wrong, [""; 0], "{when}");
        again.unwrap_or_else(|error| panic!("{when}: {error:?}"));
        assert_eq!((self.outcome)(cloud), *wanted, "{when}");
        left
    }
}
