package labeler

// routesSite lists the pages for labelers and researchers.
func (s *Server) routesSite() []Route {
	return nil
}
