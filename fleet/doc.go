// Package fleet describes what Presage watches and who looks after it:
// devices, their models and components, the sites they stand at, the regions,
// stations and technicians that serve them, and the customers who own them.
package fleet
