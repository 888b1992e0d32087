// Command gocsv reads CSV from standard input with Go's encoding/csv, as the pulumi CLI does, and writes its records as one
// JSON list of lists. It fails where that reader does.
package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	records, err := csv.NewReader(os.Stdin).ReadAll()
	if err == nil {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(records)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
