//go:build !noasm

#include "textflag.h"

// One row of A times B: columns are independent, so each strip of them keeps
// its sums in registers over all terms. Strips are 8, 2 and 1 vectors and then
// a masked one, narrower than a vector.


// COMBINE sums DX terms into CX bytes of columns at DI: x at SI with stride
// R8, w at BX with stride R9. Sums begin with what is at DI unless R12 is zero.
#define COMBINE(MUL, BCAST) \
strip8: \
	CMPQ CX, $256; \
	JLT  strip2; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7; \
	TESTQ R12, R12; \
	JZ   begin8; \
	VMOVUPS (DI), Y0; \
	VMOVUPS 32(DI), Y1; \
	VMOVUPS 64(DI), Y2; \
	VMOVUPS 96(DI), Y3; \
	VMOVUPS 128(DI), Y4; \
	VMOVUPS 160(DI), Y5; \
	VMOVUPS 192(DI), Y6; \
	VMOVUPS 224(DI), Y7; \
begin8: \
	MOVQ SI, AX; \
	MOVQ BX, R10; \
	MOVQ DX, R11; \
loop8: \
	BCAST (AX), Y15; \
	MUL  (R10), Y15, Y0; \
	MUL  32(R10), Y15, Y1; \
	MUL  64(R10), Y15, Y2; \
	MUL  96(R10), Y15, Y3; \
	MUL  128(R10), Y15, Y4; \
	MUL  160(R10), Y15, Y5; \
	MUL  192(R10), Y15, Y6; \
	MUL  224(R10), Y15, Y7; \
	ADDQ R8, AX; \
	ADDQ R9, R10; \
	DECQ R11; \
	JNZ  loop8; \
	VMOVUPS Y0, (DI); \
	VMOVUPS Y1, 32(DI); \
	VMOVUPS Y2, 64(DI); \
	VMOVUPS Y3, 96(DI); \
	VMOVUPS Y4, 128(DI); \
	VMOVUPS Y5, 160(DI); \
	VMOVUPS Y6, 192(DI); \
	VMOVUPS Y7, 224(DI); \
	ADDQ $256, DI; \
	ADDQ $256, BX; \
	SUBQ $256, CX; \
	JMP  strip8; \
strip2: \
	CMPQ CX, $64; \
	JLT  strip1; \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	TESTQ R12, R12; \
	JZ   begin2; \
	VMOVUPS (DI), Y0; \
	VMOVUPS 32(DI), Y1; \
begin2: \
	MOVQ SI, AX; \
	MOVQ BX, R10; \
	MOVQ DX, R11; \
loop2: \
	BCAST (AX), Y15; \
	MUL  (R10), Y15, Y0; \
	MUL  32(R10), Y15, Y1; \
	ADDQ R8, AX; \
	ADDQ R9, R10; \
	DECQ R11; \
	JNZ  loop2; \
	VMOVUPS Y0, (DI); \
	VMOVUPS Y1, 32(DI); \
	ADDQ $64, DI; \
	ADDQ $64, BX; \
	SUBQ $64, CX; \
	JMP  strip2; \
strip1: \
	TESTQ CX, CX; \
	JLE  done; \
	MOVQ $32, R13; \
	CMPQ CX, R13; \
	CMOVQLT CX, R13; \
	LEAQ ·laneMasks+32(SB), AX; \
	SUBQ R13, AX; \
	VMOVDQU (AX), Y14; \
	VXORPS Y0, Y0, Y0; \
	TESTQ R12, R12; \
	JZ   begin1; \
	VMASKMOVPS (DI), Y14, Y0; \
begin1: \
	MOVQ SI, AX; \
	MOVQ BX, R10; \
	MOVQ DX, R11; \
loop1: \
	BCAST (AX), Y15; \
	VMASKMOVPS (R10), Y14, Y1; \
	MUL  Y1, Y15, Y0; \
	ADDQ R8, AX; \
	ADDQ R9, R10; \
	DECQ R11; \
	JNZ  loop1; \
	VMASKMOVPS Y0, Y14, (DI); \
	ADDQ $32, DI; \
	ADDQ $32, BX; \
	SUBQ $32, CX; \
	JMP  strip1; \
done: \
	VZEROUPPER

// func combineRow32(k, n int, out, x *float32, incx int, w *float32, ldw int, more bool)
TEXT ·combineRow32(SB), NOSPLIT, $0-57
	MOVQ    k+0(FP), DX
	MOVQ    n+8(FP), CX
	MOVQ    out+16(FP), DI
	MOVQ    x+24(FP), SI
	MOVQ    incx+32(FP), R8
	MOVQ    w+40(FP), BX
	MOVQ    ldw+48(FP), R9
	MOVBLZX more+56(FP), R12
	SHLQ    $2, CX
	SHLQ    $2, R8
	SHLQ    $2, R9
	COMBINE(VFMADD231PS, VBROADCASTSS)
	RET

// func combineRow64(k, n int, out, x *float64, incx int, w *float64, ldw int, more bool)
TEXT ·combineRow64(SB), NOSPLIT, $0-57
	MOVQ    k+0(FP), DX
	MOVQ    n+8(FP), CX
	MOVQ    out+16(FP), DI
	MOVQ    x+24(FP), SI
	MOVQ    incx+32(FP), R8
	MOVQ    w+40(FP), BX
	MOVQ    ldw+48(FP), R9
	MOVBLZX more+56(FP), R12
	SHLQ    $3, CX
	SHLQ    $3, R8
	SHLQ    $3, R9
	COMBINE(VFMADD231PD, VBROADCASTSD)
	RET
