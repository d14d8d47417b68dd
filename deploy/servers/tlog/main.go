// Reads a log and checks one proof with code that others wrote for C2SP tlog-tiles: the head under its
// policy, every entry bundle against the hash tiles up to the root, and a tlog-proof file. Prints one line
// of JSON.
//
//	tlog -log http://host/ledger/0 -policy policy.txt -proof one.tlog-proof
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"log"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	base := flag.String("log", "", "URL prefix of the log")
	policyFile := flag.String("policy", "", "file with the log's key and its witnesses (tlog-policy)")
	proofFile := flag.String("proof", "", "tlog-proof file to check")
	entryFile := flag.String("entry", "", "the entry that the proof is of")
	flag.Parse()
	log.SetFlags(0)

	words, err := os.ReadFile(*policyFile)
	must("policy", err)
	policy, err := torchwood.ParsePolicy(words)
	must("policy", err)
	ctx := context.Background()
	fetcher, err := torchwood.NewTileFetcher(*base)
	must("fetcher", err)
	client, err := torchwood.NewClient(fetcher)
	must("client", err)
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	must("checkpoint", err)
	head, _, err := torchwood.VerifyCheckpoint(signed, policy)
	must("checkpoint", err)

	count, all := int64(0), sha256.New()
	for at, entry := range client.AllEntries(ctx, head.Tree, 0) {
		if at != count {
			log.Fatalf("entries: got place %d, want %d", at, count)
		}
		all.Write(entry)
		count++
	}
	must("entries", client.Err())

	told := map[string]any{"origin": head.Origin, "size": head.N, "entries": count, "sha256": all.Sum(nil)}
	if *proofFile != "" {
		proof, err := os.ReadFile(*proofFile)
		must("proof", err)
		entry, err := os.ReadFile(*entryFile)
		must("entry", err)
		must("proof", torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof))
		other := bytes.Clone(entry)
		other[0] ^= 1
		if torchwood.VerifyProof(policy, tlog.RecordHash(other), proof) == nil {
			log.Fatal("proof: it holds for another entry too")
		}
		told["proof"] = true
	}
	must("output", json.NewEncoder(os.Stdout).Encode(told))
}

func must(what string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}
