package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/eval"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/schema"
)

// rot128 adds 128 to every byte, and so undoes itself.
type rot128 struct{}

func (rot128) Encrypt(_ context.Context, in []byte) ([]byte, error) {
	out := make([]byte, len(in))
	for i, b := range in {
		out[i] = b + 128
	}
	return out, nil
}

func (r rot128) Decrypt(ctx context.Context, in []byte) ([]byte, error) {
	return r.Encrypt(ctx, in)
}

// siblings are the other files of a case, each read once.
type siblings struct {
	dir  string
	read map[string][]byte
}

func (s siblings) LoadEnvironment(_ context.Context, name string) ([]byte, eval.Decrypter, error) {
	text, ok := s.read[name]
	if !ok {
		var err error
		if text, err = os.ReadFile(filepath.Join(s.dir, name+".yaml")); err != nil {
			return nil, nil, fmt.Errorf("environment %q not found", name)
		}
		s.read[name] = text
	}
	return text, rot128{}, nil
}

func (siblings) AuthorizeImport(context.Context, string, string, bool) error { return nil }

type values = map[string]esc.Value

func parsed(text string) *schema.Schema {
	var s schema.Schema
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		panic(err)
	}
	return &s
}

// fake is a provider that returns its inputs, or fails with one of them.
type fake struct {
	in, out *schema.Schema
	secret  bool
	fails   bool
	text    string
}

func (f fake) Schema() (*schema.Schema, *schema.Schema) { return f.in, f.out }

func (f fake) Open(_ context.Context, inputs values, _ esc.EnvExecContext) (esc.Value, error) {
	switch {
	case f.fails:
		return esc.Value{}, errors.New(inputs["why"].Value.(string))
	case f.text != "":
		return esc.NewValue(f.text), nil
	}
	return esc.Value{Value: inputs, Secret: f.secret}, nil
}

type providers struct{}

func (providers) LoadProvider(_ context.Context, name string) (esc.Provider, error) {
	any := schema.Always()
	switch name {
	case "test":
		return fake{in: any, out: any}, nil
	case "secret-wrapper":
		return fake{in: any, out: any, secret: true}, nil
	case "error":
		return fake{in: parsed(errorInputs), out: any, fails: true}, nil
	case "schema":
		wide := parsed(wideSchema)
		return fake{in: wide, out: wide}, nil
	case "bench":
		return fake{in: any, out: any, text: "0s"}, nil
	}
	return nil, fmt.Errorf("unknown provider %q", name)
}

func (providers) LoadRotator(_ context.Context, name string) (esc.Rotator, error) {
	switch name {
	case "swap":
		return swap{}, nil
	case "echo":
		return echo{}, nil
	}
	return nil, fmt.Errorf("unknown rotator %q", name)
}

// swap exchanges two credentials.
type swap struct{}

func (swap) Schema() (*schema.Schema, *schema.Schema, *schema.Schema) {
	return schema.Always(), parsed(swapState), parsed(swapState)
}

func (swap) Open(_ context.Context, _, state values, _ esc.EnvExecContext) (esc.Value, error) {
	return esc.NewValue(state), nil
}

func (swap) Rotate(_ context.Context, _, state values, _ esc.EnvExecContext) (esc.Value, error) {
	return esc.NewValue(values{"a": state["b"], "b": state["a"]}), nil
}

// echo takes the next credential from its inputs.
type echo struct{}

func (echo) Schema() (*schema.Schema, *schema.Schema, *schema.Schema) {
	return parsed(echoInputs), parsed(echoState), parsed(echoState)
}

func (echo) Open(_ context.Context, inputs, state values, _ esc.EnvExecContext) (esc.Value, error) {
	if next := inputs["next"]; !next.Unknown && next.Value != state["current"].Value {
		return esc.Value{}, errors.New("oh no! inputs were evaluated outside of rotation")
	}
	return esc.NewValue(state), nil
}

func (echo) Rotate(_ context.Context, inputs, state values, _ esc.EnvExecContext) (esc.Value, error) {
	next := inputs["next"]
	if next.Unknown {
		return esc.Value{}, errors.New("oh no! rotateOnly inputs were not evaluated during rotation")
	}
	return esc.NewValue(values{"current": next, "previous": state["current"]}), nil
}
