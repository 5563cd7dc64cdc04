// Judges what is deployed as those judge it that run it.
//
//	tools manifests CRD...   Kubernetes objects (YAML, on stdin), as an API server would
//	tools compose FILE       a Compose file, as Compose would; prints it resolved, as JSON
//
// What is wrong goes to stderr, a line each, and makes the exit code 1.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fail("usage: tools manifests CRD... < objects | tools compose FILE")
	}
	var problems []string
	var err error
	switch os.Args[1] {
	case "manifests":
		problems, err = judgeManifests(os.Stdin, os.Args[2:])
	case "compose":
		err = printCompose(os.Args[2])
	default:
		err = fmt.Errorf("no such command: %s", os.Args[1])
	}
	if err != nil {
		fail(err.Error())
	}
	for _, problem := range problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}
