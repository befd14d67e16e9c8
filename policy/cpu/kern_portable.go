package cpu

// Portable returns the kernel set in plain Go. It runs everywhere and is the twin
// that the assembly is tested against.
func Portable() *Kernels {
	k := &Kernels{
		name:      "portable",
		rows:      12,
		peak:      portablePeak,
		peakFlops: 16,

		packCols: portablePackCols, packTrans: portablePackTrans, packKMajor: portablePackKMajor,

		exp: portableExp, gelu: portableGELU, expSum: portableExpSum,
		maxOf: portableMax, sum: portableSum, sumSquares: portableSumSquares, dot: portableDot,
		scale: portableScale, axpy: portableAxpy, add: portableAdd, sub: portableSub,
		mul: portableMul, div: portableDiv, mulAdd: portableMulAdd,
		swiglu: portableSwiGLU, swigluBackward: portableSwiGLUBackward,
		geluBackward: portableGELUBackward, softmaxBackward: portableSoftmaxBackward,
		normApply: portableNormApply, dot3: portableDot3, rmsNormBackward: portableRMSNormBackward,
		centerSquares: portableCenterSquares, layerNormApply: portableLayerNormApply,
		layerNormSums: portableLayerNormSums, layerNormBack: portableLayerNormBack,
		rope: portableRope, adamW: portableAdamW,
	}
	for rows := 1; rows <= MaxTileRows; rows++ {
		k.tile[rows] = portableTile(rows, false)
		k.tileT[rows] = portableTile(rows, true)
	}
	return k
}
