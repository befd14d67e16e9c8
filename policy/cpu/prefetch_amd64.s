#include "textflag.h"

// func prefetchLines(p *float32, n int)
TEXT ·prefetchLines(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ n+8(FP), BX
loop:
	PREFETCHT1 (AX)
	ADDQ $64, AX
	SUBQ $16, BX
	JG   loop
	RET
