//! Scopes about one ESC environment.

super::groups! {
    "Environments": [
        Environment "environment:read" "Read an environment's definition, its secrets still encrypted.",
        Environment "environment:open" "Open an environment: evaluate it and read its values, secrets included.",
        Environment "environment:write" "Change an environment's definition.",
        Environment "environment:delete" "Delete an environment.",
        Environment "environment:clone" "Copy an environment to a new one.",
        Environment "environment_settings:read" "See an environment's settings, such as its protection against deletion.",
        Environment "environment_settings:update" "Change an environment's settings.",
        Environment "environment_access:read" "See who has which permission on an environment.",
        Environment "environment_access:update" "Decide who has which permission on an environment.",
    ],
    "Environment webhooks": [
        Environment "environment_webhook:read" "See an environment's webhooks and what they delivered.",
        Environment "environment_webhook:create" "Add a webhook to an environment.",
        Environment "environment_webhook:update" "Change an environment's webhook.",
        Environment "environment_webhook:delete" "Remove a webhook from an environment.",
    ],
    "Environment tags": [
        Environment "environment_tags:list" "List an environment's tags.",
        Environment "environment_tag:read" "Read one tag of an environment.",
        Environment "environment_tag:create" "Add a tag to an environment.",
        Environment "environment_tag:update" "Change a tag of an environment.",
        Environment "environment_tag:delete" "Remove a tag from an environment.",
    ],
    "Environment versions": [
        Environment "environment_version:create" "Tag a revision of an environment.",
        Environment "environment_version:read" "Read an environment's revisions and their tags.",
        Environment "environment_version:update" "Move a tag to another revision of an environment.",
        Environment "environment_version:delete" "Remove a tag from an environment's revision.",
        Environment "environment_version:retract" "Retract a revision of an environment.",
        Environment "environment_version:open" "Open a certain revision of an environment.",
    ],
    "Environment schedules": [
        Environment "environment_schedule:create" "Create a schedule for an environment.",
        Environment "environment_schedule:read" "See an environment's schedules and their runs.",
        Environment "environment_schedule:update" "Change a schedule of an environment.",
        Environment "environment_schedule:pause" "Pause a schedule of an environment.",
        Environment "environment_schedule:resume" "Resume a paused schedule of an environment.",
        Environment "environment_schedule:delete" "Delete a schedule of an environment.",
    ],
    "Environment secrets rotation": [
        Environment "environment:rotate" "Rotate an environment's secrets.",
        Environment "environment:rotate_history" "See when an environment's secrets were rotated and with what result.",
    ],
}
