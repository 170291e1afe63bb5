module github.com/noema-ml/noema/internal/kernel/gen

go 1.26
