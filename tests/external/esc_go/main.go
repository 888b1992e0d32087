// Upstream's evaluator, asked by Pileus' tests.
//
//	escgo cases DIR...       evaluates each folder of cases, and writes what comes out into its expected.json
//	escgo crypt DIR          encrypts and decrypts each *.yaml within, beside it
//	escgo time CASE RUNS     prints the processor time of loading, checking and evaluating, as JSON
//
// Cases on which upstream panics get no expected.json; their names are printed with a leading "panic".
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/eval"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc/syntax"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

type overrides struct {
	ShowSecrets     bool     `json:"showSecrets"`
	RootEnvironment string   `json:"rootEnvironment"`
	Rotate          bool     `json:"rotate"`
	RotatePaths     []string `json:"rotatePaths"`
}

type results struct {
	LoadDiags        syntax.Diagnostics `json:"loadDiags,omitempty"`
	CheckDiags       syntax.Diagnostics `json:"checkDiags,omitempty"`
	Check            *esc.Environment   `json:"check,omitempty"`
	CheckJSON        any                `json:"checkJson,omitempty"`
	EvalDiags        syntax.Diagnostics `json:"evalDiags,omitempty"`
	Eval             *esc.Environment   `json:"eval,omitempty"`
	EvalJSONRedacted any                `json:"evalJsonRedacted,omitempty"`
	EvalJSONRevealed any                `json:"evalJSONRevealed,omitempty"`
	RotateDiags      syntax.Diagnostics `json:"rotateDiags,omitempty"`
	Rotate           *esc.Environment   `json:"rotate,omitempty"`
	RotateJSON       any                `json:"rotateJson,omitempty"`
	RotatePatches    []*eval.Patch      `json:"rotatePatches,omitempty"`
}

func plain(env *esc.Environment, redact bool) any {
	if env == nil {
		return nil
	}
	return esc.NewValue(env.Properties).ToJSON(redact)
}

func execContext() (*esc.ExecContext, error) {
	user := esc.NewValue(map[string]esc.Value{"id": esc.NewValue("USER_123")})
	pulumi := esc.NewValue(map[string]esc.Value{"user": user})
	return esc.NewExecContext(map[string]esc.Value{"pulumi": pulumi})
}

func runCase(dir string) (out *results, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	name := filepath.Base(dir)
	var o overrides
	if b, err := os.ReadFile(filepath.Join(dir, "overrides.json")); err == nil {
		if err := json.Unmarshal(b, &o); err != nil {
			return nil, err
		}
	}
	if o.RootEnvironment != "" {
		name = o.RootEnvironment
	}
	source, err := os.ReadFile(filepath.Join(dir, "env.yaml"))
	if err != nil {
		return nil, err
	}
	ec, err := execContext()
	if err != nil {
		return nil, err
	}
	ctx, opts, envs := context.Background(), eval.EvalOptions{}, siblings{dir, map[string][]byte{}}
	env, load, err := eval.LoadYAMLBytes(name, source)
	if err != nil {
		return nil, err
	}
	r := &results{LoadDiags: load}
	r.Check, r.CheckDiags = eval.CheckEnvironment(ctx, name, env, rot128{}, providers{}, envs, ec, o.ShowSecrets, opts)
	r.Eval, r.EvalDiags = eval.EvalEnvironment(ctx, name, env, rot128{}, providers{}, envs, ec, opts)
	if o.Rotate {
		var paths []resource.PropertyPath
		for _, text := range o.RotatePaths {
			path, err := resource.ParsePropertyPath(text)
			if err != nil {
				return nil, err
			}
			paths = append(paths, path)
		}
		var rotation eval.RotationResult
		r.Rotate, rotation, r.RotateDiags = eval.RotateEnvironment(ctx, name, env, rot128{}, providers{}, envs, ec, paths, opts)
		r.RotatePatches = rotation.Patches()
		r.RotateJSON = plain(r.Rotate, true)
	}
	r.CheckJSON = plain(r.Check, true)
	r.EvalJSONRedacted, r.EvalJSONRevealed = plain(r.Eval, true), plain(r.Eval, false)
	return r, nil
}

func cases(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		folder := filepath.Join(dir, entry.Name())
		expected := filepath.Join(folder, "expected.json")
		if _, err := os.Stat(filepath.Join(folder, "env.yaml")); err != nil {
			continue
		}
		if _, err := os.Stat(expected); err == nil {
			continue
		}
		fmt.Println("begin", entry.Name())
		r, err := runCase(folder)
		var text []byte
		if err == nil {
			text, err = json.MarshalIndent(r, "", "    ")
		}
		if err != nil {
			fmt.Println("panic", entry.Name(), err)
			continue
		}
		if err := os.WriteFile(expected, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func crypt(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		encrypted, err := eval.EncryptSecrets(context.Background(), file, source, rot128{})
		if err != nil {
			fmt.Println("encrypt", filepath.Base(file), err)
			continue
		}
		if err := os.WriteFile(file+".encrypted", encrypted, 0o600); err != nil {
			return err
		}
		decrypted, err := eval.DecryptSecrets(context.Background(), file, encrypted, rot128{})
		if err != nil {
			fmt.Println("decrypt", filepath.Base(file), err)
			continue
		}
		if err := os.WriteFile(file+".decrypted", decrypted, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func timed(dir string, runs int) error {
	name := filepath.Base(dir)
	source, err := os.ReadFile(filepath.Join(dir, "env.yaml"))
	if err != nil {
		return err
	}
	ec, err := execContext()
	if err != nil {
		return err
	}
	ctx, opts, envs := context.Background(), eval.EvalOptions{}, siblings{dir, map[string][]byte{}}
	env, _, err := eval.LoadYAMLBytes(name, source)
	if err != nil {
		return err
	}
	each := func(what func()) time.Duration {
		begin := cpu()
		for range runs {
			what()
		}
		return (cpu() - begin) / time.Duration(runs)
	}
	load := func() { _, _, _ = eval.LoadYAMLBytes(name, source) }
	check := func() { eval.CheckEnvironment(ctx, name, env, rot128{}, providers{}, envs, ec, false, opts) }
	open := func() { eval.EvalEnvironment(ctx, name, env, rot128{}, providers{}, envs, ec, opts) }
	out := map[string]int64{
		"load":  each(load).Nanoseconds(),
		"check": each(check).Nanoseconds(),
		"eval":  each(open).Nanoseconds(),
		"all": each(func() {
			env, _, _ = eval.LoadYAMLBytes(name, source)
			check()
			open()
		}).Nanoseconds(),
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func run(args []string) error {
	switch {
	case len(args) >= 2 && args[0] == "cases":
		for _, dir := range args[1:] {
			if err := cases(dir); err != nil {
				return err
			}
		}
		return nil
	case len(args) == 2 && args[0] == "crypt":
		return crypt(args[1])
	case len(args) == 3 && args[0] == "time":
		runs, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return timed(strings.TrimSuffix(args[1], "/"), runs)
	}
	return errors.New("usage: escgo cases DIR... | crypt DIR | time CASE RUNS")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
