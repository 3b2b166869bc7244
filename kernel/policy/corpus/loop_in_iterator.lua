-- ends by units: an iterator without end
for _ in function() return 1 end do end
