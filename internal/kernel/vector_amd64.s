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

// BINARY is dst = a OP b, with a at SI, b at DX.
#define BINARY(OP) \
	SUBQ $8, CX; \
	JLT  tail; \
loop: \
	VMOVUPS (SI), Y0; \
	OP   (DX), Y0, Y0; \
	VMOVUPS Y0, (DI); \
	ADDQ $32, SI; \
	ADDQ $32, DX; \
	ADDQ $32, DI; \
	SUBQ $8, CX; \
	JGE  loop; \
tail: \
	ADDQ $8, CX; \
	JZ   done; \
	MASK; \
	VMASKMOVPS (SI), Y15, Y0; \
	VMASKMOVPS (DX), Y15, Y1; \
	OP   Y1, Y0, Y0; \
	VMASKMOVPS Y0, Y15, (DI); \
done: \
	VZEROUPPER

// UNARY is dst = STEP(x), STEP working on Y0.
#define UNARY(STEP) \
	SUBQ $8, CX; \
	JLT  tail; \
loop: \
	VMOVUPS (SI), Y0; \
	STEP; \
	VMOVUPS Y0, (DI); \
	ADDQ $32, SI; \
	ADDQ $32, DI; \
	SUBQ $8, CX; \
	JGE  loop; \
tail: \
	ADDQ $8, CX; \
	JZ   done; \
	MASK; \
	VMASKMOVPS (SI), Y15, Y0; \
	STEP; \
	VMASKMOVPS Y0, Y15, (DI); \
done: \
	VZEROUPPER

// func add32(dst, a, b *float32, n int)
TEXT ·add32(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VADDPS)
	RET

// func mul32(dst, a, b *float32, n int)
TEXT ·mul32(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	BINARY(VMULPS)
	RET

#define SUBMUL VSUBPS Y8, Y0, Y0; VMULPS Y9, Y0, Y0

// func subMul32(dst, x *float32, n int, mu, c float32)
TEXT ·subMul32(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS mu+24(FP), Y8
	VBROADCASTSS c+28(FP), Y9
	UNARY(SUBMUL)
	RET

#define SCALE VMULPS Y8, Y0, Y0

// func scale32(dst, x *float32, n int, c float32)
TEXT ·scale32(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS c+24(FP), Y8
	UNARY(SCALE)
	RET

// func addScaled32(dst, x *float32, n int, c float32)
TEXT ·addScaled32(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS c+24(FP), Y8
	SUBQ         $8, CX
	JLT          tail

loop:
	VMOVUPS     (DI), Y0
	VFMADD231PS (SI), Y8, Y0
	VMOVUPS     Y0, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DI
	SUBQ        $8, CX
	JGE         loop

tail:
	ADDQ        $8, CX
	JZ          done
	MASK
	VMASKMOVPS  (DI), Y15, Y0
	VMASKMOVPS  (SI), Y15, Y1
	VFMADD231PS Y1, Y8, Y0
	VMASKMOVPS  Y0, Y15, (DI)

done:
	VZEROUPPER
	RET

// func addMul32(dst, a, b *float32, n int)
TEXT ·addMul32(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	SUBQ $8, CX
	JLT  tail

loop:
	VMOVUPS     (DI), Y0
	VMOVUPS     (SI), Y1
	VFMADD231PS (DX), Y1, Y0
	VMOVUPS     Y0, (DI)
	ADDQ        $32, SI
	ADDQ        $32, DX
	ADDQ        $32, DI
	SUBQ        $8, CX
	JGE         loop

tail:
	ADDQ        $8, CX
	JZ          done
	MASK
	VMASKMOVPS  (DI), Y15, Y0
	VMASKMOVPS  (SI), Y15, Y1
	VMASKMOVPS  (DX), Y15, Y2
	VFMADD231PS Y1, Y2, Y0
	VMASKMOVPS  Y0, Y15, (DI)

done:
	VZEROUPPER
	RET

// FOLD adds up Y0 to Y3 into the low word of X0.
#define FOLD \
	VADDPS Y1, Y0, Y0; \
	VADDPS Y3, Y2, Y2; \
	VADDPS Y2, Y0, Y0; \
	VEXTRACTF128 $1, Y0, X1; \
	VADDPS X1, X0, X0; \
	VPERMILPS $0x4e, X0, X1; \
	VADDPS X1, X0, X0; \
	VPERMILPS $0xb1, X0, X1; \
	VADDSS X1, X0, X0

// REDUCE sums over x at SI: FOUR takes 32 elements into Y0 to Y3, ONE takes
// eight into Y0 and LAST a masked vector.
#define REDUCE(FOUR, ONE, LAST) \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	SUBQ $32, CX; \
	JLT  few; \
loop: \
	FOUR; \
	ADDQ $128, SI; \
	ADDQ $128, DX; \
	SUBQ $32, CX; \
	JGE  loop; \
few: \
	ADDQ $24, CX; \
	JLT  tail; \
ones: \
	ONE; \
	ADDQ $32, SI; \
	ADDQ $32, DX; \
	SUBQ $8, CX; \
	JGE  ones; \
tail: \
	ADDQ $8, CX; \
	JZ   done; \
	MASK; \
	LAST; \
done: \
	FOLD; \
	VZEROUPPER

#define SUM4 VADDPS (SI), Y0, Y0; VADDPS 32(SI), Y1, Y1; VADDPS 64(SI), Y2, Y2; VADDPS 96(SI), Y3, Y3
#define SUM1 VADDPS (SI), Y0, Y0
#define SUML VMASKMOVPS (SI), Y15, Y4; VADDPS Y4, Y0, Y0

// func sum32(x *float32, n int) float32
TEXT ·sum32(SB), NOSPLIT, $0-20
	MOVQ   x+0(FP), SI
	MOVQ   n+8(FP), CX
	REDUCE(SUM4, SUM1, SUML)
	VMOVSS X0, ret+16(FP)
	RET

#define DOT1 VMOVUPS (SI), Y4; VFMADD231PS (DX), Y4, Y0
#define DOT4 \
	DOT1; \
	VMOVUPS 32(SI), Y5; \
	VMOVUPS 64(SI), Y6; \
	VMOVUPS 96(SI), Y7; \
	VFMADD231PS 32(DX), Y5, Y1; \
	VFMADD231PS 64(DX), Y6, Y2; \
	VFMADD231PS 96(DX), Y7, Y3
#define DOTL VMASKMOVPS (SI), Y15, Y4; VMASKMOVPS (DX), Y15, Y5; VFMADD231PS Y5, Y4, Y0

// func dot32(x, y *float32, n int) float32
TEXT ·dot32(SB), NOSPLIT, $0-28
	MOVQ   x+0(FP), SI
	MOVQ   y+8(FP), DX
	MOVQ   n+16(FP), CX
	REDUCE(DOT4, DOT1, DOTL)
	VMOVSS X0, ret+24(FP)
	RET

#define SQ1 VMOVUPS (SI), Y4; VSUBPS Y8, Y4, Y4; VFMADD231PS Y4, Y4, Y0
#define SQ4 \
	SQ1; \
	VMOVUPS 32(SI), Y5; \
	VMOVUPS 64(SI), Y6; \
	VMOVUPS 96(SI), Y7; \
	VSUBPS Y8, Y5, Y5; \
	VSUBPS Y8, Y6, Y6; \
	VSUBPS Y8, Y7, Y7; \
	VFMADD231PS Y5, Y5, Y1; \
	VFMADD231PS Y6, Y6, Y2; \
	VFMADD231PS Y7, Y7, Y3
#define SQL VMASKMOVPS (SI), Y15, Y4; VSUBPS Y8, Y4, Y4; VANDPS Y15, Y4, Y4; VFMADD231PS Y4, Y4, Y0

// func centredSq32(x *float32, n int, mu float32) float32
TEXT ·centredSq32(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS mu+16(FP), Y8
	REDUCE(SQ4, SQ1, SQL)
	VMOVSS       X0, ret+24(FP)
	RET

// func max32(x *float32, n int) float32
// n is at least 8. The last vector overlaps the one before.
TEXT ·max32(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), SI
	MOVQ    n+8(FP), CX
	LEAQ    -32(SI)(CX*4), DX
	VMOVUPS (DX), Y0
	VCMPPS  $3, Y0, Y0, Y1     // NaN seen so far
	VMOVAPS Y0, Y4
	VMOVAPS Y1, Y5
	SUBQ    $16, CX
	JLE     one

loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y6
	VCMPPS  $3, Y2, Y2, Y3
	VCMPPS  $3, Y6, Y6, Y7
	VORPS   Y3, Y1, Y1
	VORPS   Y7, Y5, Y5
	VMAXPS  Y2, Y0, Y0
	VMAXPS  Y6, Y4, Y4
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGT     loop

one:
	ADDQ   $8, CX
	JLE    done
	VMOVUPS (SI), Y2
	VCMPPS $3, Y2, Y2, Y3
	VORPS  Y3, Y1, Y1
	VMAXPS Y2, Y0, Y0

done:
	VMAXPS       Y4, Y0, Y0
	VORPS        Y5, Y1, Y1
	VEXTRACTF128 $1, Y0, X2
	VMAXPS       X2, X0, X0
	VPERMILPS    $0x4e, X0, X2
	VMAXPS       X2, X0, X0
	VPERMILPS    $0xb1, X0, X2
	VMAXPS       X2, X0, X0
	VMOVMSKPS    Y1, AX
	TESTL        AX, AX
	JZ           put
	VPCMPEQD     X0, X0, X0    // all ones are NaN

put:
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

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
