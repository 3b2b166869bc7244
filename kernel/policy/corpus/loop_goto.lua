-- ends by units: goto without a body
::again::
goto again
