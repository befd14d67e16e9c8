package cpu

import "unsafe"

// at is the i-th float after p.
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

// portableTile returns the kernel for the given number of rows; kMajor says how A is stored.
func portableTile(rows int, kMajor bool) tileFunc {
	return func(k int, a *float32, as int, b, c *float32, ldc int, base *float32, ldBase int, _ *float32) {
		rowStep, kStep := as, 1
		if kMajor {
			rowStep, kStep = 1, as
		}
		panel := slice(b, k*TileCols)
		for i := range rows {
			row := slice(at(a, i*rowStep), (k-1)*kStep+1)
			var from []float32
			if base != nil {
				from = slice(at(base, i*ldBase), TileCols)
			}
			portableTileRow(slice(at(c, i*ldc), TileCols), from, row, kStep, panel)
		}
	}
}

// portableTileRow computes one row of C, four columns at a time. The conversions to
// float32 forbid the compiler to fuse, so that every machine gets the same bits.
func portableTileRow(c, base, a []float32, kStep int, panel []float32) {
	for j := 0; j < TileCols; j += 4 {
		var s0, s1, s2, s3 float32
		for p, i := j, 0; i < len(a); p, i = p+TileCols, i+kStep {
			x, b := a[i], panel[p:p+4:p+4]
			s0 += float32(x * b[0])
			s1 += float32(x * b[1])
			s2 += float32(x * b[2])
			s3 += float32(x * b[3])
		}
		if base != nil {
			d := base[j : j+4 : j+4]
			s0, s1, s2, s3 = d[0]+s0, d[1]+s1, d[2]+s2, d[3]+s3
		}
		c[j], c[j+1], c[j+2], c[j+3] = s0, s1, s2, s3
	}
}

// portablePackCols copies [k, cols] with row stride ld into one panel, padded with zeros.
func portablePackCols(dst, src *float32, ld, k, cols int) {
	for i := range k {
		row := slice(at(dst, i*TileCols), TileCols)
		copy(row, slice(at(src, i*ld), cols))
		clear(row[cols:])
	}
}

// portablePackTrans copies the transpose of [cols, k] with row stride ld into one panel.
func portablePackTrans(dst, src *float32, ld, k, cols int) {
	panel := slice(dst, k*TileCols)
	clear(panel)
	for j := range cols {
		for i, v := range slice(at(src, j*ld), k) {
			panel[i*TileCols+j] = v
		}
	}
}

// portablePackKMajor copies [k, rows] with row stride ld to [k][16].
func portablePackKMajor(dst, src *float32, ld, k, rows int) {
	for i := range k {
		copy(slice(at(dst, i*kMajorStride), rows), slice(at(src, i*ld), rows))
	}
}
