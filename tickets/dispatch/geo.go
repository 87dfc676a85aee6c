package dispatch

import "math"

// earthRadius is the mean radius R1 of the WGS 84 ellipsoid, in kilometres.
const earthRadius = 6371.0088

// kilometres is the great-circle distance of two places in degrees, by the
// haversine formula, which is good to 0.5 % (the Earth is no sphere).
func kilometres(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	a := math.Sin((lat2 - lat1) * rad / 2)
	b := math.Sin((lon2 - lon1) * rad / 2)
	h := a*a + math.Cos(lat1*rad)*math.Cos(lat2*rad)*b*b
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}
