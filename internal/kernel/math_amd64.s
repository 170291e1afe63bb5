//go:build !noasm

#include "textflag.h"

// Elementary functions of float32 vectors of eight, from tables of constants
// that are eight times the same number.

#define MASK \
	LEAQ ·laneMasks+32(SB), AX; \
	SHLQ $2, CX; \
	SUBQ CX, AX; \
	VMOVDQU (AX), Y15

// EXP sets Y0 to e^Y0 for any value; BX is at expTable. The operand that
// may be NaN comes last in the comparisons, which return it.
#define EXP \
	VMAXPS Y0, Y13, Y0; \
	VMINPS Y0, Y14, Y0; \
	VMULPS 64(BX), Y0, Y1; \
	VROUNDPS $8, Y1, Y1; \
	VFNMADD231PS 96(BX), Y1, Y0; \
	VFNMADD231PS 128(BX), Y1, Y0; \
	VCVTPS2DQ Y1, Y1; \
	VMOVUPS 160(BX), Y2; \
	VFMADD213PS 192(BX), Y0, Y2; \
	VFMADD213PS 224(BX), Y0, Y2; \
	VFMADD213PS 256(BX), Y0, Y2; \
	VFMADD213PS 288(BX), Y0, Y2; \
	VFMADD213PS 320(BX), Y0, Y2; \
	VMULPS Y0, Y0, Y3; \
	VADDPS Y12, Y0, Y0; \
	VFMADD231PS Y3, Y2, Y0; \
	VPSRAD $1, Y1, Y2; \
	VPSUBD Y2, Y1, Y1; \
	VPSLLD $23, Y2, Y2; \
	VPSLLD $23, Y1, Y1; \
	VPADDD Y12, Y2, Y2; \
	VPADDD Y12, Y1, Y1; \
	VMULPS Y2, Y0, Y0; \
	VMULPS Y1, Y0, Y0

// EXPINIT loads the bounds of EXP and one, whose bits are also the bias of
// an exponent in place.
#define EXPINIT \
	LEAQ ·expTable(SB), BX; \
	VMOVUPS (BX), Y13; \
	VMOVUPS 32(BX), Y14; \
	VMOVUPS 352(BX), Y12

// func expSum32x8(dst, x *float32, n int, c float32) float32
TEXT ·expSum32x8(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS c+24(FP), Y11
	EXPINIT
	VXORPS       Y4, Y4, Y4
	SUBQ         $8, CX
	JLT          tail

loop:
	VMOVUPS (SI), Y0
	VSUBPS  Y11, Y0, Y0
	EXP
	VADDPS  Y0, Y4, Y4
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGE     loop

tail:
	ADDQ       $8, CX
	JZ         done
	MASK
	VMASKMOVPS (SI), Y15, Y0
	VSUBPS     Y11, Y0, Y0
	EXP
	VANDPS     Y15, Y0, Y0
	VADDPS     Y0, Y4, Y4
	VMASKMOVPS Y0, Y15, (DI)

done:
	VEXTRACTF128 $1, Y4, X1
	VADDPS       X1, X4, X0
	VPERMILPS    $0x4e, X0, X1
	VADDPS       X1, X0, X0
	VPERMILPS    $0xb1, X0, X1
	VADDSS       X1, X0, X0
	VMOVSS       X0, ret+32(FP)
	VZEROUPPER
	RET

// SIGMOID sets Y0 to 1/(1+e^-Y0).
#define SIGMOID \
	VXORPS Y11, Y0, Y0; \
	EXP; \
	VADDPS Y12, Y0, Y0; \
	VDIVPS Y0, Y12, Y0

// func sigmoid32(dst, x *float32, n int)
TEXT ·sigmoid32(SB), NOSPLIT, $0-24
	MOVQ     dst+0(FP), DI
	MOVQ     x+8(FP), SI
	MOVQ     n+16(FP), CX
	EXPINIT
	VPCMPEQD Y11, Y11, Y11
	VPSLLD   $31, Y11, Y11
	SUBQ     $8, CX
	JLT      tail

loop:
	VMOVUPS (SI), Y0
	SIGMOID
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGE     loop

tail:
	ADDQ       $8, CX
	JZ         done
	MASK
	VMASKMOVPS (SI), Y15, Y0
	SIGMOID
	VMASKMOVPS Y0, Y15, (DI)

done:
	VZEROUPPER
	RET

// RATIONAL sets Y0 to an odd rational function of it, degree 13 over 8, not
// beyond one; to one, with its sign, where its size is above the limit.
#define RATIONAL \
	VANDNPS Y0, Y14, Y1; \
	VCMPPS $14, Y13, Y1, Y5; \
	VMINPS Y1, Y13, Y1; \
	VMULPS Y1, Y1, Y2; \
	VMOVUPS 32(BX), Y3; \
	VFMADD213PS 64(BX), Y2, Y3; \
	VFMADD213PS 96(BX), Y2, Y3; \
	VFMADD213PS 128(BX), Y2, Y3; \
	VFMADD213PS 160(BX), Y2, Y3; \
	VFMADD213PS 192(BX), Y2, Y3; \
	VFMADD213PS 224(BX), Y2, Y3; \
	VMOVUPS 256(BX), Y4; \
	VFMADD213PS 288(BX), Y2, Y4; \
	VFMADD213PS 320(BX), Y2, Y4; \
	VFMADD213PS 352(BX), Y2, Y4; \
	VFMADD213PS 384(BX), Y2, Y4; \
	VMULPS Y1, Y3, Y3; \
	VDIVPS Y4, Y3, Y3; \
	VMINPS Y3, Y12, Y3; \
	VBLENDVPS Y5, Y12, Y3, Y3; \
	VANDPS Y14, Y0, Y0; \
	VORPS Y3, Y0, Y0

// func rational32(dst, x *float32, n int, table *[14][8]float32)
TEXT ·rational32(SB), NOSPLIT, $0-32
	MOVQ     dst+0(FP), DI
	MOVQ     x+8(FP), SI
	MOVQ     n+16(FP), CX
	MOVQ     table+24(FP), BX
	VMOVUPS  (BX), Y13
	VMOVUPS  416(BX), Y12
	VPCMPEQD Y14, Y14, Y14
	VPSLLD   $31, Y14, Y14
	SUBQ     $8, CX
	JLT      tail

loop:
	VMOVUPS (SI), Y0
	RATIONAL
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGE     loop

tail:
	ADDQ       $8, CX
	JZ         done
	MASK
	VMASKMOVPS (SI), Y15, Y0
	RATIONAL
	VMASKMOVPS Y0, Y15, (DI)

done:
	VZEROUPPER
	RET
