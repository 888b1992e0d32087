module pileus.test/gocsv

go 1.21
