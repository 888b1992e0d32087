//! Scopes about one Insights account.

super::groups! {
    "Accounts": [
        Account "insights_account:read" "See an Insights account and what was discovered in it.",
        Account "insights_account:update" "Change an Insights account.",
        Account "insights_account:delete" "Delete an Insights account.",
        Account "insights_account:update_policy_results" "Report the policy results of an Insights account.",
        Account "insights_account_access:read" "See who has which permission on an Insights account.",
        Account "insights_account_access:update" "Decide who has which permission on an Insights account.",
    ],
    "Scans": [
        Account "insights_account:scan" "Start a scan of an Insights account.",
        Account "insights_account_scan:read" "See an Insights account's scans and their logs.",
        Account "insights_account_scan:update" "Report the progress of a scan.",
        Account "insights_account_scan:cancel" "Stop a running scan.",
        Account "insights_account_scan:pause" "Pause an Insights account's scheduled scans.",
        Account "insights_account_scan:resume" "Resume an Insights account's paused scheduled scans.",
    ],
    "Policy queue": [
        Account "insights_policy_queue:read" "See which policy evaluations are waiting.",
    ],
    "Policy evaluator": [
        Account "insights_policy_evaluator:read" "See the evaluator of an Insights account's policies.",
        Account "insights_policy_evaluator:delete" "Delete the evaluator of an Insights account's policies.",
        Account "insights_policy_evaluator:ensure" "Set up the evaluator of an Insights account's policies where it is missing.",
        Account "insights_policy_evaluator:update" "Change the evaluator of an Insights account's policies.",
    ],
}
