//! One command, run whole, then ended at each of its calls and run again.

use std::fmt::Debug;

use super::{Cloud, Ending};

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
    /// Ends the session at every call, in both ways, and runs the command again, at once and after all that was under way has ended. The
    /// outcome is that of a run that nobody ended. Gives the number of calls.
    pub async fn every_call(&self) -> usize {
        let whole = (self.make)();
        (self.run)(&whole).await.unwrap();
        let (all, wanted) = (whole.calls(), (self.outcome)(&whole));
        assert_eq!(whole.state().wrong, [""; 0], "a whole run");
        assert!(all > 0, "it makes no call");
        // What a call that never reached AWS leaves is what the one before it has left, so later it is all the same.
        for (ending, later) in [(Ending::NotReached, false), (Ending::AnswerLost, false), (Ending::AnswerLost, true)] {
            let mut call = 1;
            while self.ended_at(call, ending, later, &wanted).await {
                call += 1;
            }
            assert_eq!(call, all + 1, "{ending:?}, later {later}: the run has that many calls");
        }
        all
    }

    /// Ends the session at one call; false when the command makes so many no more.
    async fn ended_at(&self, call: usize, ending: Ending, later: bool, wanted: &Same) -> bool {
        let cloud = (self.make)();
        cloud.end_at(call, ending);
        let first = (self.run)(&cloud).await;
        let when =
            format!("ended at call {call}, {ending:?}, gone on with {}", if later { "later" } else { "at once" });
        if !cloud.has_ended() {
            first.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            return false;
        }
        assert_eq!(cloud.state().wrong, [""; 0], "{when}, before it was run again");
        cloud.sign_in();
        if later {
            cloud.let_time_pass();
        }
        let again = (self.run)(&cloud).await;
        let wrong = cloud.state().wrong.clone();
        assert_eq!(wrong, [""; 0], "{when}, which ended with {first:?}");
        again.unwrap_or_else(|error| panic!("{when}, which ended with {first:?}: {error:?}"));
        assert_eq!((self.outcome)(&cloud), *wanted, "{when}, which ended with {first:?}");
        true
    }
}
