package scale

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"agora/policy"
	"agora/policy/base"
	"agora/policy/cpu"
)

// textFlags are what the experiments train on.
type textFlags struct {
	Data []string `name:"data" placeholder:"FILE" help:"Texts to train on, a document a line: .txt, or .jsonl with a text field, also .gz; the last twentieth is held out. By default the English text that agora carries."`
	Out  string   `name:"out" required:"" placeholder:"DIR" help:"Folder of the experiment; run the same command again to go on with one that was stopped."`
}

// read tokenises the text.
func (f textFlags) read(vocab int) (policy.Text, error) {
	if len(f.Data) == 0 {
		return policy.NewText(base.Corpus(), base.HeldOut(), vocab)
	}
	docs, err := policy.ReadDocuments(f.Data, policy.DocumentLine)
	if err != nil {
		return policy.Text{}, err
	}
	cut := len(docs) - max(len(docs)/20, 1)
	return policy.NewText(docs[:cut], docs[cut:], vocab)
}

// hashText is the sha256 of both token streams.
func hashText(t policy.Text) string {
	h := sha256.New()
	var word [4]byte
	for _, c := range []policy.Corpus{t.Train, t.Held} {
		for _, id := range c.Tokens {
			binary.LittleEndian.PutUint32(word[:], uint32(id))
			h.Write(word[:])
		}
		h.Write([]byte{255})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// open prepares a grid of cells in f.Out.
func (f textFlags) open(dev *cpu.Device, vocab, held int, console *policy.Console) (*grid, error) {
	text, err := f.read(vocab)
	if err != nil {
		return nil, err
	}
	return &grid{dir: f.Out, dev: dev, text: text, hash: hashText(text), held: held, console: console}, nil
}
