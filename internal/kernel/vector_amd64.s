//go:build !noasm

#include "textflag.h"

// Loops over float32 vectors of eight. What is left over goes through the same
// instructions under a mask, so a result does not depend on its position.

// MASK sets Y15 to ones in the first CX words, CX < 8.
#define MASK \
	LEAQ ·laneMasks+32(SB), AX; \
	SHLQ $2, CX; \
	SUBQ CX, AX; \
	VMOVDQU (AX), Y15

// func adamW32(w, grad, m, v *float32, n int, c *[8]float32)
// c holds beta1, 1-beta1, beta2, 1-beta2, shrink, rate, 1/corr2 and eps.
#define ADAM \
	VMULPS Y9, Y0, Y3; \
	VFMADD231PS Y8, Y1, Y3; \
	VMULPS Y11, Y0, Y4; \
	VMULPS Y0, Y4, Y4; \
	VFMADD231PS Y10, Y2, Y4; \
	VMULPS Y14, Y4, Y5; \
	VSQRTPS Y5, Y5; \
	VADDPS Y7, Y5, Y5; \
	VMULPS Y13, Y3, Y6; \
	VDIVPS Y5, Y6, Y6

TEXT ·adamW32(SB), NOSPLIT, $0-48
	MOVQ         w+0(FP), DI
	MOVQ         grad+8(FP), SI
	MOVQ         m+16(FP), BX
	MOVQ         v+24(FP), DX
	MOVQ         n+32(FP), CX
	MOVQ         c+40(FP), AX
	VBROADCASTSS (AX), Y8
	VBROADCASTSS 4(AX), Y9
	VBROADCASTSS 8(AX), Y10
	VBROADCASTSS 12(AX), Y11
	VBROADCASTSS 16(AX), Y12
	VBROADCASTSS 20(AX), Y13
	VBROADCASTSS 24(AX), Y14
	VBROADCASTSS 28(AX), Y7
	SUBQ         $8, CX
	JLT          tail

loop:
	VMOVUPS     (SI), Y0
	VMOVUPS     (BX), Y1
	VMOVUPS     (DX), Y2
	ADAM
	VMOVUPS     Y3, (BX)
	VMOVUPS     Y4, (DX)
	VMOVUPS     (DI), Y0
	VFMSUB213PS Y6, Y12, Y0 // w*shrink - step
	VMOVUPS     Y0, (DI)
	ADDQ        $32, SI
	ADDQ        $32, BX
	ADDQ        $32, DX
	ADDQ        $32, DI
	SUBQ        $8, CX
	JGE         loop

tail:
	ADDQ        $8, CX
	JZ          done
	MASK
	VMASKMOVPS  (SI), Y15, Y0
	VMASKMOVPS  (BX), Y15, Y1
	VMASKMOVPS  (DX), Y15, Y2
	ADAM
	VMASKMOVPS  Y3, Y15, (BX)
	VMASKMOVPS  Y4, Y15, (DX)
	VMASKMOVPS  (DI), Y15, Y0
	VFMSUB213PS Y6, Y12, Y0
	VMASKMOVPS  Y0, Y15, (DI)

done:
	VZEROUPPER
	RET
