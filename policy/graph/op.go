package graph

// Op names an operation. The forward operations are methods of Graph; those that end in Grad are
// placed by Gradients.
type Op uint8

const (
	OpFull Op = iota
	OpEmbedding
	OpPosEmbedding
	OpLinear
	OpRMSNorm
	OpLayerNorm
	OpAttention
	OpAttentionCached
	OpSwiGLU
	OpGELU
	OpDropout
	OpGatherRows
	OpLogProb
	OpCrossEntropy
	OpWeightedSum
	OpSample

	// Elementwise.
	OpAdd
	OpSub
	OpMul
	OpMax
	OpMin
	OpScale
	OpAddScalar
	OpExp
	OpLog
	OpSquare
	OpSigmoid
	OpLogSigmoid
	OpTanh
	OpClamp
	OpStopGradient
	OpStep   // 1 where a > b, ½ where equal, 0 where a < b
	OpInside // 1 where A <= x <= B, else 0
	OpScaleBy
	OpRecip

	// Gradients.
	OpEmbeddingGrad
	OpPosEmbeddingGrad
	OpLinearGradX
	OpLinearGradW
	OpRMSNormGrad
	OpLayerNormGrad
	OpAttentionGrad
	OpSwiGLUGrad
	OpGELUGrad
	OpGatherRowsGrad
	OpLogProbGrad

	NumOps
)

var opNames = [NumOps]string{
	"Full", "Embedding", "PosEmbedding", "Linear", "RMSNorm", "LayerNorm", "Attention", "AttentionCached",
	"SwiGLU", "GELU", "Dropout", "GatherRows", "LogProb", "CrossEntropy", "WeightedSum", "Sample",
	"Add", "Sub", "Mul", "Max", "Min", "Scale", "AddScalar", "Exp", "Log", "Square", "Sigmoid", "LogSigmoid",
	"Tanh", "Clamp", "StopGradient", "Step", "Inside", "ScaleBy", "Recip",
	"EmbeddingGrad", "PosEmbeddingGrad", "LinearGradX", "LinearGradW", "RMSNormGrad", "LayerNormGrad",
	"AttentionGrad", "SwiGLUGrad", "GELUGrad", "GatherRowsGrad", "LogProbGrad",
}

func (op Op) String() string { return opNames[op] }

// Elementwise reports whether each output element depends on the input elements at its own place
// only (and on scalars).
func (op Op) Elementwise() bool { return op >= OpAdd && op <= OpRecip }
