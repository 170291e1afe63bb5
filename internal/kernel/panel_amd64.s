//go:build !noasm

#include "textflag.h"

// Panels: rows copied, transposed, or transposed in registers and multiplied.
// In a transpose rows r and r+4 share a vector, a lane each.

// QUAD multiplies a square of 4 columns and 8 rows, from off(lo) and off(hi),
// with the elements of x in Y12 to Y15 and adds the products to sums: column
// after column, a row in each lane.
#define QUAD(off, lo, hi, sums) \
	VMOVUPS off(lo), X4; \
	VMOVUPS off(lo)(R8*1), X5; \
	VMOVUPS off(lo)(R8*2), X6; \
	VMOVUPS off(lo)(R10*1), X7; \
	VINSERTF128 $1, off(hi), Y4, Y4; \
	VINSERTF128 $1, off(hi)(R8*1), Y5, Y5; \
	VINSERTF128 $1, off(hi)(R8*2), Y6, Y6; \
	VINSERTF128 $1, off(hi)(R10*1), Y7, Y7; \
	VUNPCKLPS Y5, Y4, Y8; \
	VUNPCKHPS Y5, Y4, Y9; \
	VUNPCKLPS Y7, Y6, Y10; \
	VUNPCKHPS Y7, Y6, Y11; \
	VUNPCKLPD Y10, Y8, Y4; \
	VUNPCKHPD Y10, Y8, Y5; \
	VUNPCKLPD Y11, Y9, Y6; \
	VUNPCKHPD Y11, Y9, Y7; \
	VFMADD231PS Y4, Y12, sums; \
	VFMADD231PS Y5, Y13, sums; \
	VFMADD231PS Y6, Y14, sums; \
	VFMADD231PS Y7, Y15, sums

// PAIR does a square for 16 rows, two sums that do not wait for each other.
#define PAIR(off, sums0, sums1) \
	VBROADCASTSS off(DX), Y12; \
	VBROADCASTSS off+4(DX), Y13; \
	VBROADCASTSS off+8(DX), Y14; \
	VBROADCASTSS off+12(DX), Y15; \
	QUAD(off, SI, BX, sums0); \
	QUAD(off, AX, R9, sums1)

// LINE does 16 columns, a cache line of each row, and goes to the next 16 rows:
// a line is used up before rows far away can push it out of the cache.
#define LINE(sums0, sums1) \
	PAIR(0, sums0, sums1); \
	PAIR(16, sums0, sums1); \
	PAIR(32, sums0, sums1); \
	PAIR(48, sums0, sums1); \
	ADDQ R12, SI; \
	ADDQ R12, BX; \
	ADDQ R12, AX; \
	ADDQ R12, R9

// func dots32x32(out, x, w *float32, ldw, lines int)
TEXT ·dots32x32(SB), NOSPLIT, $0-40
	MOVQ   out+0(FP), DI
	MOVQ   x+8(FP), DX
	MOVQ   w+16(FP), SI
	MOVQ   ldw+24(FP), R8
	MOVQ   lines+32(FP), CX
	SHLQ   $2, R8
	LEAQ   (R8)(R8*2), R10
	LEAQ   (SI)(R8*4), BX
	LEAQ   (SI)(R8*8), AX
	LEAQ   (BX)(R8*8), R9
	MOVQ   R8, R12
	SHLQ   $4, R12
	LEAQ   -64(R12)(R12*1), R11
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

loop:
	LINE(Y0, Y1)
	LINE(Y2, Y3)
	SUBQ    R11, SI
	SUBQ    R11, BX
	SUBQ    R11, AX
	SUBQ    R11, R9
	ADDQ    $64, DX
	DECQ    CX
	JNZ     loop
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VZEROUPPER
	RET

// func transpose32(out *float32, width int, src *float32, stride, groups int)
TEXT ·transpose32(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ width+8(FP), R9
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), R8
	MOVQ groups+32(FP), DX
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10     // 3 rows of src
	LEAQ (R9)(R9*2), R11     // 3 rows of out
	LEAQ (SI)(R8*4), BX
	LEAQ (DI)(R9*4), CX

loop:
	VMOVUPS     (SI), X0
	VMOVUPS     (SI)(R8*1), X1
	VMOVUPS     (SI)(R8*2), X2
	VMOVUPS     (SI)(R10*1), X3
	VMOVUPS     16(SI), X4
	VMOVUPS     16(SI)(R8*1), X5
	VMOVUPS     16(SI)(R8*2), X6
	VMOVUPS     16(SI)(R10*1), X7
	VINSERTF128 $1, (BX), Y0, Y0
	VINSERTF128 $1, (BX)(R8*1), Y1, Y1
	VINSERTF128 $1, (BX)(R8*2), Y2, Y2
	VINSERTF128 $1, (BX)(R10*1), Y3, Y3
	VINSERTF128 $1, 16(BX), Y4, Y4
	VINSERTF128 $1, 16(BX)(R8*1), Y5, Y5
	VINSERTF128 $1, 16(BX)(R8*2), Y6, Y6
	VINSERTF128 $1, 16(BX)(R10*1), Y7, Y7
	VUNPCKLPS   Y1, Y0, Y8
	VUNPCKHPS   Y1, Y0, Y9
	VUNPCKLPS   Y3, Y2, Y10
	VUNPCKHPS   Y3, Y2, Y11
	VUNPCKLPS   Y5, Y4, Y12
	VUNPCKHPS   Y5, Y4, Y13
	VUNPCKLPS   Y7, Y6, Y14
	VUNPCKHPS   Y7, Y6, Y15
	VUNPCKLPD   Y10, Y8, Y0
	VUNPCKHPD   Y10, Y8, Y1
	VUNPCKLPD   Y11, Y9, Y2
	VUNPCKHPD   Y11, Y9, Y3
	VUNPCKLPD   Y14, Y12, Y4
	VUNPCKHPD   Y14, Y12, Y5
	VUNPCKLPD   Y15, Y13, Y6
	VUNPCKHPD   Y15, Y13, Y7
	VMOVUPS     Y0, (DI)
	VMOVUPS     Y1, (DI)(R9*1)
	VMOVUPS     Y2, (DI)(R9*2)
	VMOVUPS     Y3, (DI)(R11*1)
	VMOVUPS     Y4, (CX)
	VMOVUPS     Y5, (CX)(R9*1)
	VMOVUPS     Y6, (CX)(R9*2)
	VMOVUPS     Y7, (CX)(R11*1)
	ADDQ        $32, SI
	ADDQ        $32, BX
	LEAQ        (DI)(R9*8), DI
	LEAQ        (CX)(R9*8), CX
	DECQ        DX
	JNZ         loop
	VZEROUPPER
	RET

// func transpose64(out *float64, width int, src *float64, stride, groups int)
TEXT ·transpose64(SB), NOSPLIT, $0-40
	MOVQ out+0(FP), DI
	MOVQ width+8(FP), R9
	MOVQ src+16(FP), SI
	MOVQ stride+24(FP), R8
	MOVQ groups+32(FP), DX
	SHLQ $3, R8
	SHLQ $3, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R11

loop:
	VMOVUPS     (SI), X0
	VMOVUPS     (SI)(R8*1), X1
	VMOVUPS     16(SI), X2
	VMOVUPS     16(SI)(R8*1), X3
	VINSERTF128 $1, (SI)(R8*2), Y0, Y0
	VINSERTF128 $1, (SI)(R10*1), Y1, Y1
	VINSERTF128 $1, 16(SI)(R8*2), Y2, Y2
	VINSERTF128 $1, 16(SI)(R10*1), Y3, Y3
	VUNPCKLPD   Y1, Y0, Y4
	VUNPCKHPD   Y1, Y0, Y5
	VUNPCKLPD   Y3, Y2, Y6
	VUNPCKHPD   Y3, Y2, Y7
	VMOVUPS     Y4, (DI)
	VMOVUPS     Y5, (DI)(R9*1)
	VMOVUPS     Y6, (DI)(R9*2)
	VMOVUPS     Y7, (DI)(R11*1)
	ADDQ        $32, SI
	LEAQ        (DI)(R9*4), DI
	DECQ        DX
	JNZ         loop
	VZEROUPPER
	RET

// func copyLines(out, src unsafe.Pointer, stride, n int)
TEXT ·copyLines(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ n+24(FP), CX

loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ    R8, SI
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
