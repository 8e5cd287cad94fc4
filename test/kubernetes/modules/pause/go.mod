module omnichannel/kubernetes/pause

go 1.26
