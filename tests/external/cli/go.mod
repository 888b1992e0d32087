module pileus.test/cli
go 1.25.11
require (
    github.com/pulumi/pulumi-yaml v1.38.3
    github.com/pulumi/pulumi/pkg/v3 v3.259.0
    github.com/pulumi/pulumi/sdk/v3 v3.259.0
)
