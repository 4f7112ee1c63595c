package main

// mutation is a fault that breaks a promise, and the test that must notice.
type mutation struct {
	name     string
	file     string // from the root, with slashes
	old, new string // old stands in the file once
	pkg      string
	test     string // with its subtest, as it is written
}

const kills = "TestAKilledWorkerLosesAndRepeatsNothing"

var mutations = []mutation{
	{
		name: "ack before the answer",
		file: "internal/consumer/record.go",
		old:  "	d.underWay, d.began, d.took = true, now, 0\n",
		new:  "	c.answer(d, \"+ACK\")\n	_ = c.NATS.Flush()\n	d.underWay, d.began, d.took = true, now, 0\n",
		pkg:  "./integration", test: kills + "/unique item/sent, not carried out",
	},
	{
		name: "count attempts during an outage",
		file: "internal/retry/policy.go",
		old:  "		return Disposition{Kind: Hold}\n",
		new:  "		return p.again(a, o, true)\n",
		pkg:  "./integration", test: "TestAnOutageSpendsNoAttempt/refused connections",
	},
	{
		name: "term before the dead letter is stored",
		file: "internal/consumer/aside.go",
		old:  "	if err := c.DeadLetters.Publish(c.books, c.letter(d)); err != nil {\n",
		new:  "	c.term(d, what.Reason)\n	if err := c.DeadLetters.Publish(c.books, c.letter(d)); err != nil {\n",
		pkg:  "./integration", test: kills + "/unique item/dead letter on its way",
	},
	{
		name: "skip the look-up",
		file: "internal/orchestrator/uipath/again.go",
		old:  "		return c.addUnlessThere(ctx, *t, queue)\n",
		new:  "		return c.addQueueItem(ctx, t)\n",
		pkg:  "./integration", test: kills + "/plain item/carried out, not answered",
	},
	{
		name: "drop the write of the claim",
		file: "internal/consumer/claim.go",
		old:  "	revision, err := c.Ledger.StoreClaim(c.books, key, 0, want, 0)\n",
		new:  "	revision, err := uint64(0), error(nil)\n",
		pkg:  "./integration", test: kills + "/job/carried out, not answered",
	},
}
