-- ends by bad_result: no answer at all
return nil
