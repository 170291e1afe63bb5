//go:build !noasm

#include "textflag.h"

// The macros of this file are used for both element types: MUL is the fused
// multiply-add, BCAST the broadcast of one element.

// TAKE multiplies the element at addr with the 32-byte vectors Y12 and Y13
// and adds the products to lo and hi.
#define TAKE(MUL, BCAST, addr, lo, hi) \
	BCAST addr, Y14; \
	MUL   Y12, Y14, lo; \
	MUL   Y13, Y14, hi

#define ROWS1(MUL, BCAST) TAKE(MUL, BCAST, (AX), Y0, Y1)
#define ROWS2(MUL, BCAST) ROWS1(MUL, BCAST); TAKE(MUL, BCAST, (AX)(R8*1), Y2, Y3)
#define ROWS3(MUL, BCAST) ROWS2(MUL, BCAST); TAKE(MUL, BCAST, (AX)(R8*2), Y4, Y5)
#define ROWS4(MUL, BCAST) ROWS3(MUL, BCAST); TAKE(MUL, BCAST, (BX), Y6, Y7)
#define ROWS5(MUL, BCAST) ROWS4(MUL, BCAST); TAKE(MUL, BCAST, (BX)(R8*1), Y8, Y9)
#define ROWS6(MUL, BCAST) ROWS5(MUL, BCAST); TAKE(MUL, BCAST, (BX)(R8*2), Y10, Y11)

// LOOP sums over all DX terms for as many rows as ROWS has.
#define LOOP(label, ROWS, MUL, BCAST) \
label: \
	VMOVUPS (CX), Y12; \
	VMOVUPS 32(CX), Y13; \
	ROWS(MUL, BCAST); \
	ADDQ R9, AX; \
	ADDQ R9, BX; \
	ADDQ R10, CX; \
	DECQ DX; \
	JNZ  label; \
	JMP  store

// PUT stores or adds a row of sums, and ends after the last row.
#define PUT(SUM, lo, hi) \
	TESTB R12, R12; \
	JZ    3(PC); \
	SUM   (DI), lo, lo; \
	SUM   32(DI), hi, hi; \
	VMOVUPS lo, (DI); \
	VMOVUPS hi, 32(DI); \
	ADDQ R11, DI; \
	DECQ SI; \
	JZ   done

// TILE is the body of a micro-kernel: SI rows, DX terms, A at AX with strides
// R8 and R9, B at CX with stride R10, C at DI with stride R11, all in bytes.
#define TILE(MUL, BCAST, SUM) \
	LEAQ (R8)(R8*2), BX; \
	ADDQ AX, BX; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7; \
	VXORPS Y8, Y8, Y8; \
	VXORPS Y9, Y9, Y9; \
	VXORPS Y10, Y10, Y10; \
	VXORPS Y11, Y11, Y11; \
	CMPQ SI, $6; \
	JEQ  rows6; \
	CMPQ SI, $4; \
	JEQ  rows4; \
	CMPQ SI, $2; \
	JEQ  rows2; \
	CMPQ SI, $1; \
	JEQ  rows1; \
	CMPQ SI, $3; \
	JEQ  rows3; \
	JMP  rows5; \
	PCALIGN $32; \
	LOOP(rows6, ROWS6, MUL, BCAST); \
	LOOP(rows5, ROWS5, MUL, BCAST); \
	LOOP(rows4, ROWS4, MUL, BCAST); \
	LOOP(rows3, ROWS3, MUL, BCAST); \
	LOOP(rows2, ROWS2, MUL, BCAST); \
	LOOP(rows1, ROWS1, MUL, BCAST); \
store: \
	PUT(SUM, Y0, Y1); \
	PUT(SUM, Y2, Y3); \
	PUT(SUM, Y4, Y5); \
	PUT(SUM, Y6, Y7); \
	PUT(SUM, Y8, Y9); \
	PUT(SUM, Y10, Y11); \
done: \
	VZEROUPPER

// func tile32(rows, k int, a *float32, ar, ac int, b *float32, br int, c *float32, ldc int, add bool)
TEXT ·tile32(SB), NOSPLIT, $0-73
	MOVQ    rows+0(FP), SI
	MOVQ    k+8(FP), DX
	MOVQ    a+16(FP), AX
	MOVQ    ar+24(FP), R8
	MOVQ    ac+32(FP), R9
	MOVQ    b+40(FP), CX
	MOVQ    br+48(FP), R10
	MOVQ    c+56(FP), DI
	MOVQ    ldc+64(FP), R11
	MOVBLZX add+72(FP), R12
	SHLQ    $2, R8
	SHLQ    $2, R9
	SHLQ    $2, R10
	SHLQ    $2, R11
	TILE(VFMADD231PS, VBROADCASTSS, VADDPS)
	RET

// func tile64(rows, k int, a *float64, ar, ac int, b *float64, br int, c *float64, ldc int, add bool)
TEXT ·tile64(SB), NOSPLIT, $0-73
	MOVQ    rows+0(FP), SI
	MOVQ    k+8(FP), DX
	MOVQ    a+16(FP), AX
	MOVQ    ar+24(FP), R8
	MOVQ    ac+32(FP), R9
	MOVQ    b+40(FP), CX
	MOVQ    br+48(FP), R10
	MOVQ    c+56(FP), DI
	MOVQ    ldc+64(FP), R11
	MOVBLZX add+72(FP), R12
	SHLQ    $3, R8
	SHLQ    $3, R9
	SHLQ    $3, R10
	SHLQ    $3, R11
	TILE(VFMADD231PD, VBROADCASTSD, VADDPD)
	RET
