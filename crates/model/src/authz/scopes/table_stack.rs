//! Scopes about one stack.

super::groups! {
    "Stacks": [
        Stack "stack:read" "See a stack, its configuration and its history.",
        Stack "stack:write" "Update a stack: run updates, refreshes and destructions, and change its configuration.",
        Stack "stack:import" "Replace a stack's state with an imported one.",
        Stack "stack:export" "Export a stack's state.",
        Stack "stack:encrypt" "Encrypt a value with a stack's key.",
        Stack "stack:decrypt" "Decrypt a value with a stack's key.",
        Stack "stack:rename" "Rename a stack or move it to another project.",
        Stack "stack:delete" "Delete a stack.",
        Stack "stack:cancel_update" "Cancel a stack's running update.",
        Stack "stack:transfer" "Hand a stack over to another organisation.",
        Stack "stack_access:read" "See who has which permission on a stack.",
        Stack "stack_access:update" "Decide who has which permission on a stack.",
        Stack "stack_annotations:read" "Read a stack's annotations.",
        Stack "stack_annotations:update" "Write a stack's annotations.",
    ],
    "Stack deployments": [
        Stack "stack_deployment:create" "Start a deployment of a stack.",
        Stack "stack_deployment:read" "See a stack's deployments and their logs.",
        Stack "stack_deployment_settings:write" "Change how a stack is deployed.",
        Stack "stack_deployment_settings:read" "See how a stack is deployed.",
        Stack "stack_deployment_settings:encrypt" "Encrypt a secret for a stack's deployment settings.",
        Stack "stack_deployment_cache:read" "Read the cache of a stack's deployments.",
    ],
    "Stack webhooks": [
        Stack "stack_webhook:read" "See a stack's webhooks and what they delivered.",
        Stack "stack_webhook:create" "Add a webhook to a stack.",
        Stack "stack_webhook:update" "Change a stack's webhook.",
        Stack "stack_webhook:delete" "Remove a webhook from a stack.",
    ],
    "Stack tags": [
        Stack "stack_tags:update" "Set and remove a stack's tags.",
    ],
    "Stack deployment schedules": [
        Stack "stack_schedule:create" "Create a schedule for a stack's deployments.",
        Stack "stack_schedule:update" "Change a schedule of a stack's deployments.",
        Stack "stack_schedule:read" "See the schedules of a stack's deployments and their runs.",
        Stack "stack_schedule:delete" "Delete a schedule of a stack's deployments.",
        Stack "stack_schedule:pause" "Pause a schedule of a stack's deployments.",
        Stack "stack_schedule:resume" "Resume a paused schedule of a stack's deployments.",
    ],
}
