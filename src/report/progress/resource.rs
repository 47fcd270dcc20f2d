//! CloudFormation's statuses in words.

/// A status in a word or two; `CREATE_COMPLETE` is "created".
#[must_use]
pub(super) fn word(status: &str) -> String {
    let word = match status {
        "CREATE_IN_PROGRESS" | "IMPORT_IN_PROGRESS" => "creating",
        "CREATE_COMPLETE" => "created",
        "UPDATE_IN_PROGRESS" => "updating",
        "UPDATE_COMPLETE" => "updated",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => "cleaning up",
        "DELETE_IN_PROGRESS" => "deleting",
        "DELETE_COMPLETE" => "deleted",
        "DELETE_SKIPPED" => "kept",
        "ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            "rolling back"
        }
        "ROLLBACK_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" => "rolled back",
        "ROLLBACK_FAILED" | "UPDATE_ROLLBACK_FAILED" => "rollback failed",
        "REVIEW_IN_PROGRESS" => "under review",
        "UNCHANGED" => "unchanged",
        _ => return status.to_lowercase().replace('_', " "),
    };
    word.to_owned()
}

/// Whether a status is under way, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    UnderWay,
    Good,
    Bad,
}

pub(super) fn standing(status: &str) -> Standing {
    if status.ends_with("_FAILED") {
        Standing::Bad
    } else if status.ends_with("_IN_PROGRESS") {
        Standing::UnderWay
    } else if status.contains("ROLLBACK") {
        // Rolled back is an end, but not the desired one.
        Standing::Bad
    } else {
        Standing::Good
    }
}

/// Whether a failure is only the consequence of another: CloudFormation cancels what is under way
/// when something else fails.
pub(super) fn is_cascade(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| {
        let reason = reason.to_lowercase();
        reason.contains("cancelled") || reason.contains("canceled")
    })
}
